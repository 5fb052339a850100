"""Faces of the lattice with four crossed edges: which two of them belong to one sheet."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from neurfield.ops.quad_sheets import Sides

_UNIT = np.eye(3, dtype=np.int64)

APART = {
    "none": 0,
    "1 and 3": 1,
    "0 and 2": 2,
}  # which corners two sheets cut off; none: all four edges are one


class CrossedFaces(NamedTuple):
    """Faces between cells all of whose edges are crossed.

    Their corners are numbered around: 0 low, 1 along `u`, 2 opposite to 0, 3 along `v`; edge i runs from
    corner i to the next one.

    Attributes:
        face: [f] their numbers, sorted.
        upper: [f] the cell whose low side it is.
        u: [f] the first axis along it.
        v: [f] the second one.
    """

    face: np.ndarray
    upper: np.ndarray
    u: np.ndarray
    v: np.ndarray

    def corners(self, stride: int) -> np.ndarray:
        """Offsets [f, 4, 3] of their corners from the upper cell's low one, `stride` to a cell's edge."""
        u, v = stride * _UNIT[self.u], stride * _UNIT[self.v]
        return np.stack([np.zeros_like(u), u, u + v, v], axis=1)


def crossed_faces(quads: np.ndarray, axis: np.ndarray, sides: Sides, cells: np.ndarray) -> CrossedFaces:
    """The faces that four of the sides of quads [e, 4] of cells pass through.

    Args:
        quads: [e, 4] rows of `cells`, counter-clockwise around an edge of the lattice as in `LatticeEdges`.
        axis: [e] of the edges.
        sides: of the quads.
        cells: int64 [c, 3].
    """
    face = np.flatnonzero(sides.uses == 4)
    quad, place = sides.first[face] // 4, sides.first[face] % 4
    # Cells i and i + 1 of a quad differ along the first axis behind the edge's if i is even, else the next.
    across = (axis[quad] + 1 + place % 2) % 3
    pair = np.stack([quads[quad, place], quads[quad, (place + 1) % 4]], axis=1)
    at = np.take_along_axis(cells[pair], across[:, None, None], axis=2)[:, :, 0]
    return CrossedFaces(
        face, pair[np.arange(len(face)), at.argmax(axis=1)], (across + 1) % 3, (across + 2) % 3
    )


def groups(
    faces: CrossedFaces,
    apart: np.ndarray,
    quads: np.ndarray,
    axis: np.ndarray,
    sides: Sides,
    cells: np.ndarray,
) -> np.ndarray:
    """For each side of the quads [e, 4] a number: the same for sides through a face that are of one sheet.

    Args:
        faces: of four crossed edges.
        apart: [f] for each the value of `APART`.
        quads: as for `crossed_faces`.
        axis: as for `crossed_faces`.
        sides: of the quads.
        cells: int64 [c, 3].
    """
    group = np.zeros(quads.shape, dtype=np.int64)
    if not len(faces.face):
        return group
    row_of = np.full(len(sides.uses), -1, dtype=np.int64)
    row_of[faces.face] = np.arange(len(faces.face))
    row = row_of[sides.face]
    quad, side = np.nonzero(row >= 0)
    row = row[quad, side]
    along_u = axis[quad] == faces.u[row]
    other = np.where(along_u, faces.v[row], faces.u[row])
    # The edge begins at the low corner of its quad's third cell.
    place = np.arange(len(quad))
    high = cells[quads[quad, 2]][place, other] > cells[faces.upper[row]][place, other]
    edge = np.where(along_u, np.where(high, 2, 0), np.where(high, 1, 3))
    cut_off = np.where(apart[row] == 1, (edge == 2) | (edge == 3), (edge == 1) | (edge == 2))
    group[quad, side] = np.where(apart[row] == 0, 0, cut_off)
    return group
