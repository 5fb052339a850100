"""Edges of triangles and their pieces, in plain NumPy; see `neurfield.ops.mesh_turning`."""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from neurfield.ops.lattice_keys import numbered


def border_vertices(faces: np.ndarray, count: int) -> np.ndarray:
    """Which vertices lie on an edge of one face [count]."""
    ends = faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2)
    edges, row = numbered(ends.min(axis=1) * count + ends.max(axis=1))
    once = edges[np.bincount(row, minlength=len(edges)) == 1]
    border = np.zeros(count, dtype=bool)
    border[np.concatenate(np.divmod(once, max(count, 1)))] = True
    return border


def faces_to_turn(vertices: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, int]:
    """Which faces are to be turned over [f], and how many pieces have no two sides."""
    count = len(faces)
    if count == 0:
        return np.zeros(0, dtype=bool), 0
    ends = faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2)
    forward = ends[:, 0] < ends[:, 1]
    ordered = np.sort(ends, axis=1)
    order = np.lexsort((ordered[:, 1], ordered[:, 0]))
    changes = np.flatnonzero((np.diff(ordered[order], axis=0) != 0).any(axis=1)) + 1
    start = np.concatenate([[0], changes])
    uses = np.diff(np.concatenate([start, [len(order)]]))
    pairs = start[uses == 2]
    one, other = order[pairs], order[pairs + 1]
    turned = forward[one] == forward[other]  # both run the same way along the edge
    one, other = one // 3, other // 3
    # A face twice, as it is and turned over: what is joined to both of itself has no two sides.
    rows = np.concatenate([one, one + count])
    columns = np.concatenate([other + turned * count, other + ~turned * count])
    graph = coo_matrix((np.ones(len(rows), dtype=bool), (rows, columns)), shape=(2 * count, 2 * count))
    _, label = connected_components(graph, directed=False)
    as_is, over = label[:count], label[count:]
    two_sided = as_is != over
    flip = two_sided & (as_is > over)
    piece = np.where(two_sided, np.minimum(as_is, over), as_is)
    result = np.where(flip[:, None], faces[:, ::-1], faces)
    inward = _outward(vertices, result, piece) < 0.0
    return flip ^ (two_sided & inward[piece]), len(np.unique(piece[~two_sided]))


def _outward(vertices: np.ndarray, faces: np.ndarray, piece: np.ndarray) -> np.ndarray:
    """For each piece the sum over faces of area times normal times the way from the piece's middle."""
    corners = vertices[faces]
    middles = corners.mean(axis=1)
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    areas = np.linalg.norm(normals, axis=1)
    total = np.maximum(np.bincount(piece, areas), 1e-300)
    centre = np.stack([np.bincount(piece, areas * middles[:, k]) / total for k in range(3)], axis=1)
    return np.bincount(piece, ((middles - centre[piece]) * normals).sum(axis=1))
