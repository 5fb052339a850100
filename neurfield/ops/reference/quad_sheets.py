"""Quads around crossed edges: their faces, their sheets, in plain NumPy; see `neurfield.ops.quad_sheets`."""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from neurfield.ops.lattice_keys import numbered

_ROUNDS = 10


def sides_of(quads: np.ndarray, cells: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The face of each side [e, 4], how many sides each face has [f], and the last of them [f]."""
    after = np.roll(quads, -1, axis=1)
    pairs = np.minimum(quads, after) * cells + np.maximum(quads, after)
    found, face = numbered(pairs)
    first = np.zeros(len(found), dtype=np.int64)
    first[face.reshape(-1)] = np.arange(face.size)
    return face, np.bincount(face.reshape(-1), minlength=len(found)), first


def repaired(count: np.ndarray, face: np.ndarray, reach: np.ndarray, most: float) -> np.ndarray:
    """Which edges get a face [e]."""
    crossed = count % 2 == 1
    possible = reach <= most
    for _ in range(_ROUNDS):
        odd = np.bincount(face[crossed].reshape(-1), minlength=face.max(initial=0) + 1) % 2 == 1
        odd_faces = odd[face].sum(axis=1)
        twice = (count >= 2) & ~crossed & (odd_faces == 2)
        doubt = np.flatnonzero(((odd_faces >= 3) & (crossed | possible)) | twice)
        if not len(doubt):
            break
        # Neighbours are not turned over together: of the doubtful edges at a face the first alone.
        first = np.full(len(odd), len(crossed))
        np.minimum.at(first, face[doubt].reshape(-1), np.repeat(doubt, 4))
        alone = doubt[(first[face[doubt]] == doubt[:, None]).all(axis=1)]
        crossed[alone] = ~crossed[alone]
    return crossed


def split(
    quads: np.ndarray, cells: int, face: np.ndarray, uses: np.ndarray, group: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Quads of vertices [e, 4], and the cell of each vertex [v]."""
    corner = np.arange(quads.size).reshape(quads.shape)  # one for each cell of each quad
    joined = np.where(uses[face] == 4, 4 * face + group, 4 * face).reshape(-1)
    order = np.argsort(joined, kind="stable")
    same = joined[order[1:]] == joined[order[:-1]]
    left, right = order[:-1][same], order[1:][same]  # sides through one face
    ends = [_in_order(quads, corner, side) for side in (left, right)]
    links = [np.stack([ends[0][:, k], ends[1][:, k]]) for k in (0, 1)]

    odd = np.zeros(cells, dtype=bool)
    at_odd = uses[face] % 2 == 1
    odd[quads[at_odd]] = True
    odd[np.roll(quads, -1, axis=1)[at_odd]] = True
    by_cell = np.argsort(quads.reshape(-1), kind="stable")
    cell = quads.reshape(-1)[by_cell]
    whole = (cell[1:] == cell[:-1]) & odd[cell[1:]]
    links.append(np.stack([by_cell[:-1][whole], by_cell[1:][whole]]))

    rows, columns = np.concatenate(links, axis=1)
    graph = coo_matrix((np.ones(len(rows), dtype=bool), (rows, columns)), shape=(quads.size, quads.size))
    _, vertex = connected_components(graph, directed=False)
    vertex = vertex.reshape(quads.shape).astype(np.int64)
    cell_of = np.zeros(vertex.max(initial=-1) + 1, dtype=np.int64)
    cell_of[vertex] = quads
    return vertex, cell_of


def _in_order(quads: np.ndarray, corner: np.ndarray, side: np.ndarray) -> np.ndarray:
    """The two corners of sides [s, 2], that of the cell with the lower number first."""
    quad, place = side // 4, side % 4
    ends = np.stack([place, (place + 1) % 4], axis=1)
    cells = quads[quad[:, None], ends]
    ends = np.where((cells[:, 0] < cells[:, 1])[:, None], ends, ends[:, ::-1])
    return corner[quad[:, None], ends]
