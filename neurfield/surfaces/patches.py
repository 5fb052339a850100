"""The sheets of a surface within each cell, so that two sheets in one cell get a vertex each.

Nielson, Dual Marching Cubes, IEEE Visualization 2004: a dual mesh whose every edge has two faces, because the
face between two cells joins the crossed edges around it in pairs.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from neurfield.surfaces.dual_cells import numbered


class Sides(NamedTuple):
    """The faces between cells that crossed edges lie in; a quad's side i lies between its cells i and i + 1.

    Attributes:
        face: [e, 4] which face each side of a quad passes through.
        uses: [f] how many crossed edges it has.
        first: [f] one of its sides, as 4 * quad + side.
    """

    face: np.ndarray
    uses: np.ndarray
    first: np.ndarray


def sides_of(quads: np.ndarray, cells: int) -> Sides:
    """The faces that the sides of quads [e, 4], cells by their numbers below `cells`, pass through."""
    after = np.roll(quads, -1, axis=1)
    pairs = np.minimum(quads, after) * cells + np.maximum(quads, after)
    found, face = numbered(pairs)
    first = np.zeros(len(found), dtype=np.int64)
    first[face.reshape(-1)] = np.arange(face.size)
    return Sides(face, np.bincount(face.reshape(-1), minlength=len(found)), first)


def split(quads: np.ndarray, cells: int, sides: Sides, group: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A vertex for each sheet: quads [e, 4] of vertices, and the cell of each vertex [v].

    Args:
        quads: [e, 4] of cells.
        cells: how many there are.
        sides: of the quads.
        group: [e, 4]: sides through one face are joined where they have the same number; two sides of a face
            are joined in any case.

    Cells with a face of which an odd number of edges is crossed, at a border of the surface or where sheets
    meet, keep one vertex.
    """
    corner = np.arange(quads.size).reshape(quads.shape)  # one for each cell of each quad
    face = sides.face
    joined = np.where(sides.uses[face] == 4, 4 * face + group, 4 * face).reshape(-1)
    order = np.argsort(joined, kind="stable")
    same = joined[order[1:]] == joined[order[:-1]]
    left, right = order[:-1][same], order[1:][same]  # sides through one face
    ends = [_in_order(quads, corner, side) for side in (left, right)]
    links = [np.stack([ends[0][:, k], ends[1][:, k]]) for k in (0, 1)]

    odd = np.zeros(cells, dtype=bool)
    at_odd = sides.uses[face] % 2 == 1
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
