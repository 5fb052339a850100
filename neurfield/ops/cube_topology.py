"""How a trilinear field's level set goes through a cube, where the signs of the corners do not say.

Legend: corners, edges and cases as in `neurfield.ops.marching_cubes_table`; face 2a + s is the one where
coordinate a is s. A face is ambiguous where positive corners face each other across a diagonal.

The table of that module keeps positive corners apart on ambiguous faces and fills each loop by a disk. Here a
cube says more:

- `joined`: bit f is set where the positive corners of ambiguous face f hang together;
- `tube`: 1 where two positive regions of the cube's boundary hang together inside, 2 where two negative ones
  do; else 0. Two loops then bound a tube in place of two disks.

A trilinear field has no extremum in a cube. Regions that are apart on its boundary can hang together inside
only past a saddle of the right kind, and of the two saddles that there can be each kind has one
(`neurfield.surfaces.topology` finds them). These are the decisions of Marching Cubes 33 (Chernyaev 1995;
Lewiner et al. 2003), and no case needs a name.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import NamedTuple

import numpy as np

from neurfield.ops.marching_cubes_table import (
    Loop,
    Triangles,
    corner_position,
    cube_faces,
    edge_corners,
    edges_in_faces,
    fill,
    loops_of,
    share_a_face,
)

INNER = 12  # codes from here on are vertices inside of the cube

_LONGEST = 8  # loops of which all triangulations are tried; longer ones get a vertex inside


class AmbiguousCubes(NamedTuple):
    """Cubes of a lattice whose signs leave open how the surface goes through them, in the order of its faces.

    Attributes:
        places: int64 [k, 3], of their lowest corners.
        patterns: int64 [k], their cases.
        faces: int64 [k], the first of each one's faces, which come from `triangle_table`.
        edges: int64 [k, 12], the vertices on their edges, -1 where there is none.
        values: float32 [k, 8], at their corners; NaN where none is known.
    """

    places: np.ndarray
    patterns: np.ndarray
    faces: np.ndarray
    edges: np.ndarray
    values: np.ndarray


class Tiling(NamedTuple):
    """The triangles of a cube.

    Attributes:
        triangles: codes three by three: edges, or from `INNER` on vertices inside.
        inner: of each vertex inside the edges whose vertices' mean is its place.
    """

    triangles: Triangles
    inner: list[Loop]


@lru_cache(maxsize=1)
def ambiguous_cases() -> np.ndarray:
    """uint8 [256]: 1 where the signs leave something open."""
    open_ = [bool(ambiguous_faces(case)) or len(loops_of(case)) > 1 for case in range(256)]
    return np.array(open_, dtype=np.uint8)


@lru_cache(maxsize=256)
def ambiguous_faces(case: int) -> tuple[int, ...]:
    """The faces on which the signs alternate."""
    found = []
    for face, ring in enumerate(cube_faces()):
        a, b, c, d = (case >> corner & 1 for corner in ring)
        if a == c and b == d and a != b:
            found.append(face)
    return tuple(found)


class Regions(NamedTuple):
    """The parts into which loops divide a cube's boundary.

    Attributes:
        loops: the loops.
        sides: for each loop the positive and the negative part beside it.
        positive: how many positive parts there are.
        negative: how many negative ones.
    """

    loops: tuple[Loop, ...]
    sides: tuple[tuple[int, int], ...]
    positive: int
    negative: int


@cache
def regions(case: int, joined: int) -> Regions:
    """The parts of the boundary for a case and its joined faces."""
    part = list(range(8))

    def join(a: int, b: int) -> None:
        old, new = part[a], part[b]
        part[:] = [new if one == old else one for one in part]

    for edge in range(12):
        a, b = edge_corners(edge)
        if (case >> a & 1) == (case >> b & 1):
            join(a, b)
    for face in ambiguous_faces(case):
        ring = cube_faces()[face]
        first = 0 if bool(case >> ring[0] & 1) == bool(joined >> face & 1) else 1
        join(ring[first], ring[first + 2])
    loops = loops_of(case, joined)
    sides = []
    for loop in loops:
        a, b = edge_corners(loop[0])
        sides.append((part[a], part[b]) if case >> a & 1 else (part[b], part[a]))
    positive = {part[corner] for corner in range(8) if case >> corner & 1}
    negative = {part[corner] for corner in range(8) if not case >> corner & 1}
    return Regions(tuple(loops), tuple(sides), len(positive), len(negative))


@cache
def tiling(case: int, joined: int = 0, tube: int = 0) -> Tiling:
    """The triangles of a case for what its cube says; see the module.

    No edge of a triangle lies within a face of the cube but those that the face's own signs make, so that
    neighbours fit and no edge gets more than two triangles.

    Raises:
        ValueError: a tube is asked for where there are not just two parts to hang together.
    """
    found = regions(case, joined)
    triangles: Triangles = []
    inner: list[Loop] = []
    left = list(found.loops)
    if tube:
        ends = _tube_loops(found, tube)
        left = [loop for loop in left if loop not in ends]
        triangles += _tube(*ends, inner)
    for loop in left:
        disk = fill(loop) if len(loop) <= _LONGEST else []
        if not disk or edges_in_faces(loop, disk):
            middle = INNER + len(inner)
            inner.append(loop)
            disk = [(a, b, middle) for a, b in zip(loop, loop[1:] + loop[:1])]
        triangles += disk
    return Tiling(triangles, inner)


def _tube_loops(found: Regions, tube: int) -> tuple[Loop, Loop]:
    """The loops between two parts of one sign and the part that lies between them."""
    own, other = (0, 1) if tube == 1 else (1, 0)
    if (found.positive, found.negative)[own] != 2:
        raise ValueError("tiling: a tube needs two parts that it joins")
    for a, one in enumerate(found.sides):
        for b in range(a):
            if found.sides[b][other] == one[other] and found.sides[b][own] != one[own]:
                return found.loops[b], found.loops[a]
    raise AssertionError("two parts without one between them")


def _tube(first: Loop, second: Loop, inner: list[Loop]) -> Triangles:
    """The band between two loops with the fewest edges within a face of the cube, the shortest of these.

    Such edges as are left get a vertex inside the cube.
    """
    best: tuple[float, Triangles] = (np.inf, [])
    for i in range(len(first)):
        for j in range(len(second)):
            best = min(best, _band(first[i:] + first[:i], second[j:] + second[:j]), key=lambda one: one[0])
    triangles = best[1]
    for a in first:
        for b in second:
            if share_a_face(a, b):
                triangles = _split(triangles, a, b, first + second, inner)
    return triangles


def _band(first: Loop, second: Loop) -> tuple[float, Triangles]:
    """The cheapest band that begins with a step along the first loop and ends with one back along the second.

    And what it costs. Steps are such that no edge between the loops comes twice.
    """
    m, n = len(first), len(second)
    cost = np.full((m + 1, n + 1), np.inf)  # of i steps along the first loop and j back along the second
    came = np.zeros((m + 1, n + 1), dtype=np.int64)
    cost[0, 0] = 0.0
    for i in range(1, m + 1):
        for j in range(n + 1):
            if (j == n and i < m) or (j == 0 and i == m):
                continue
            step = _edge_cost(first[i % m], second[-j % n])
            for di in (1, 0):
                before = cost[i - di, j - (1 - di)] if j or di else np.inf
                if before + step < cost[i, j]:
                    cost[i, j], came[i, j] = before + step, di
    i, j, triangles = m, n, []
    while i or j:
        here, there = first[i % m], second[-j % n]
        if came[i, j]:
            triangles.append((first[i - 1], here, there))
            i -= 1
        else:
            triangles.append((here, there, second[(1 - j) % n]))
            j -= 1
    return float(cost[m, n]), triangles


@lru_cache(maxsize=144)
def _edge_cost(a: int, b: int) -> float:
    middles = [np.mean([corner_position(corner) for corner in edge_corners(edge)], axis=0) for edge in (a, b)]
    return (1000.0 if share_a_face(a, b) else 0.0) + float(((middles[0] - middles[1]) ** 2).sum())


def _split(triangles: Triangles, a: int, b: int, around: Loop, inner: list[Loop]) -> Triangles:
    """The triangles with a vertex on their edge from a to b, if they have it."""
    beside = [triangle for triangle in triangles if a in triangle and b in triangle]
    if not beside:
        return triangles
    middle = INNER + len(inner)
    inner.append(around)
    result = [triangle for triangle in triangles if triangle not in beside]
    for x, y, z in beside:
        for old in (a, b):
            p, q, r = (middle if code == old else code for code in (x, y, z))
            result.append((p, q, r))
    return result
