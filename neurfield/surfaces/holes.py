"""Holes of a mesh, filled with triangles between the vertices of their borders."""

from __future__ import annotations

import math
import re
from typing import NamedTuple

import numpy as np
import trimesh

from neurfield.errors import UserError
from neurfield.surfaces.manifold import edge_keys

_MOST_EDGES = 1000  # of a border that is filled: the time grows with the cube
_ROUND = 0.02  # how much squares of edges weigh beside areas: of flat fillings, the one without slivers


class HoleLimit(NamedTuple):
    """Up to which size holes are filled.

    Attributes:
        length: of the border, in the mesh's unit.
        edges: of the border.
    """

    length: float = math.inf
    edges: float = math.inf

    @staticmethod
    def read(text: str | float) -> HoleLimit:
        """A limit as people write it: 0.3, the border's length; or "20edges", how many edges it has.

        Raises:
            UserError: neither of these.
        """
        found = re.fullmatch(r"\s*([0-9.eE+-]+)\s*(edges?)?\s*", str(text))
        try:
            number = float(found[1]) if found else math.nan
        except ValueError:
            number = math.nan
        counts = found is not None and found[2] is not None
        if not number > 0.0 or not math.isfinite(number) or (counts and number != int(number)):
            raise UserError(
                f"holes {text!r}: give the longest border that is filled, as a length in the mesh's unit "
                "(0.3) or as a number of edges (20edges)"
            )
        return HoleLimit(edges=number) if counts else HoleLimit(length=number)

    def scaled(self, factor: float) -> HoleLimit:
        """The same limit where lengths are `factor` times as large."""
        return HoleLimit(self.length * factor, self.edges)


class Filled(NamedTuple):
    """A mesh with its holes filled.

    Attributes:
        mesh: the mesh.
        filled: holes that are closed now.
        left: borders that are still there.
    """

    mesh: trimesh.Trimesh
    filled: int
    left: int


def fill_holes(mesh: trimesh.Trimesh, limit: HoleLimit) -> Filled:
    """The mesh with every hole up to a limit closed; colours stay, the input is not changed.

    No vertex is added: of all triangulations of a border the one with the least area is taken that has none
    of the mesh's edges inside (Barequet and Sharir, Filling gaps in the boundary of a polyhedron, 1995), so
    that no edge gets a third face. A border that touches itself counts as several, of which each is simple. A
    border without such a triangulation, or of more than a thousand edges, is left.
    """
    faces, vertices = np.asarray(mesh.faces), np.asarray(mesh.vertices)
    taken = {int(key) for key in np.unique(_keys_between(faces, _on_border(faces, len(vertices)), vertices))}
    made, left = [], 0
    for loop in border_loops(faces, len(vertices)):
        at = vertices[loop]
        length = float(np.linalg.norm(at - np.roll(at, -1, axis=0), axis=1).sum())
        small = len(loop) <= min(limit.edges, _MOST_EDGES) and length <= limit.length
        patch = _filling(loop, vertices, taken) if small else None
        if patch is None:
            left += 1
            continue
        made.append(patch)
        taken.update(int(key) for key in edge_keys(patch, len(vertices)).reshape(-1))
    if not made:
        return Filled(mesh, 0, left)
    result = mesh.copy()
    result.faces = np.concatenate([faces, *made])
    return Filled(result, len(made), left)


def border_loops(faces: np.ndarray, n_vertices: int) -> list[np.ndarray]:
    """The borders of faces [f, 3] as loops of vertices, each vertex once in a loop.

    A loop runs against the edges of the faces beside it, as faces that fill it do.
    """
    starts, ends = border_edges(faces, n_vertices)
    leaving: dict[int, list[int]] = {}
    for start, end in zip(ends.tolist(), starts.tolist()):  # turned round
        leaving.setdefault(start, []).append(end)
    loops = []
    for first in list(leaving):
        while leaving.get(first):
            path, place = [first], {first: 0}
            while leaving.get(path[-1]):
                following = leaving[path[-1]].pop()
                if following in place:  # a loop is closed; what led to it goes on
                    loop = path[place[following] :]
                    loops.append(np.array(loop, dtype=np.int64))
                    for vertex in loop[1:]:
                        del place[vertex]
                    path = path[: place[following] + 1]
                else:
                    place[following] = len(path)
                    path.append(following)
    return [loop for loop in loops if len(loop) >= 3]


def border_edges(faces: np.ndarray, n_vertices: int) -> tuple[np.ndarray, np.ndarray]:
    """Starts [e] and ends [e] of the edges of a single face, as that face runs along them."""
    if not len(faces):
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    keys = edge_keys(faces, n_vertices).reshape(-1)
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    new = np.concatenate([[True], ordered[1:] != ordered[:-1], [True]])
    alone = order[new[:-1] & new[1:]]
    return faces.reshape(-1)[alone], faces[:, [1, 2, 0]].reshape(-1)[alone]


def _on_border(faces: np.ndarray, n_vertices: int) -> np.ndarray:
    """Which vertices are on a border, bool [n]."""
    here = np.zeros(n_vertices, dtype=bool)
    here[np.concatenate(border_edges(faces, n_vertices))] = True
    return here


def _keys_between(faces: np.ndarray, chosen: np.ndarray, vertices: np.ndarray) -> np.ndarray:
    """The numbers of the edges of which both ends are chosen."""
    both = chosen[faces] & chosen[faces[:, [1, 2, 0]]]
    return edge_keys(faces, len(vertices))[both]


def _filling(loop: np.ndarray, vertices: np.ndarray, taken: set[int]) -> np.ndarray | None:
    """The faces [n - 2, 3] that fill a loop [n] best; None: none does without an edge that there is already.

    `best[i, j]` is the least cost of what lies between i, i + 1, ..., j and the chord from i to j.
    """
    n, at = len(loop), vertices[loop]
    size = float(np.ptp(at, axis=0).max()) or 1.0
    at = (at - at[0]) / size
    square = ((at[:, None] - at[None]) ** 2).sum(axis=2)
    count = len(vertices)
    free = np.ones((n, n), dtype=bool)
    for i in range(n):
        for j in range(i + 2, n):
            key = int(min(loop[i], loop[j])) * count + int(max(loop[i], loop[j]))
            free[i, j] = key not in taken
    free[0, n - 1] = True  # the loop's own last edge
    best = np.zeros((n, n))
    middle = np.zeros((n, n), dtype=np.int64)
    for gap in range(2, n):
        begin = np.arange(n - gap)
        end = begin + gap
        between = begin[:, None] + np.arange(1, gap)  # [k, gap - 1]
        first, last = at[begin], at[end]
        across = np.cross(at[between] - first[:, None], (last - first)[:, None])
        cost = 0.5 * np.linalg.norm(across, axis=2)
        cost += _ROUND * (square[begin[:, None], between] + square[between, end[:, None]])
        cost += best[begin[:, None], between] + best[between, end[:, None]]
        chosen = cost.argmin(axis=1)
        middle[begin, end] = between[begin, chosen]
        best[begin, end] = np.where(free[begin, end], cost[begin, chosen], np.inf)
    if not np.isfinite(best[0, n - 1]):
        return None
    faces, spans = [], [(0, n - 1)]
    while spans:
        i, j = spans.pop()
        if j - i >= 2:
            k = int(middle[i, j])
            faces.append((loop[i], loop[k], loop[j]))
            spans += [(i, k), (k, j)]
    return np.array(faces, dtype=np.int64)
