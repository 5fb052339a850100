"""The sheets of a surface within each cell, so that two sheets in one cell get a vertex each.

Nielson, Dual Marching Cubes, IEEE Visualization 2004: a dual mesh whose every edge has two faces, because the
face between two cells joins the crossed edges around it in pairs.

Legend: a quad is the four cells around a crossed edge of the lattice, int64 [e, 4], numbers below `cells`;
its side i lies between its cells i and i + 1, and passes through the face between them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch

from neurfield.ops import native
from neurfield.ops.arrays import tensor_of
from neurfield.ops.reference import quad_sheets as reference

_ROUNDS = 10


class Sides(NamedTuple):
    """The faces between cells that crossed edges lie in.

    Attributes:
        face: [e, 4] which face each side of a quad passes through.
        uses: [f] how many crossed edges it has.
        first: [f] one of its sides, as 4 * quad + side.
    """

    face: np.ndarray
    uses: np.ndarray
    first: np.ndarray


def sides_of(quads: np.ndarray, cells: int) -> Sides:
    """The faces that the sides of quads pass through, rising by their lower and then their upper cell.

    Raises:
        ValueError: a quad has a cell that there is not.
    """
    if quads.size and not (quads.min() >= 0 and quads.max() < cells):
        raise ValueError(f"quads must be of cells 0 to {cells - 1}")
    given = tensor_of(quads)
    kernels = native.kernels(given, needs="surface_quad_sides")
    if kernels is None:
        return Sides(*reference.sides_of(quads, cells))
    face = np.empty(quads.shape, dtype=np.int64)
    uses, first = np.empty((2, quads.size), dtype=np.int64)
    count = kernels.surface_quad_sides(given, cells, *map(torch.from_numpy, (face, uses, first)))
    return Sides(face, uses[:count].copy(), first[:count].copy())


def repaired(count: np.ndarray, sides: Sides, reach: np.ndarray, noise: float) -> np.ndarray:
    """Which edges get a face [e]: those crossed an odd number of times, but for answers that cannot be.

    A surface goes on from an edge that it crosses to another one of each face of the lattice that the edge
    lies in, so faces have an even number of crossed edges but at borders and where sheets meet. An edge of
    which three or four faces have an odd number is turned over; fewer faces are odd then. An edge that is
    crossed twice gets no face where it cuts off a crease, but one where it passes two sheets that go on:
    there, two of its faces are odd.

    Args:
        count: int64 [e] how often each edge is crossed.
        sides: of all of the edges' quads.
        reach: [e] the distances at both ends together, in cells; a crossed edge has at most its length.
        noise: of distances, in cells.
    """
    most = 1.05 + 2.0 * noise
    given = tensor_of(count)
    kernels = native.kernels(given, needs="surface_repair_crossings")
    if kernels is None:
        return reference.repaired(count, sides.face, reach, most)
    crossed = np.empty(len(count), dtype=np.uint8)
    distances = tensor_of(reach, np.float64)
    kernels.surface_repair_crossings(
        given, tensor_of(sides.face), len(sides.uses), distances, most, _ROUNDS, torch.from_numpy(crossed)
    )
    return crossed.view(bool)


def split(quads: np.ndarray, cells: int, sides: Sides, group: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A vertex for each sheet: quads [e, 4] of vertices, and the cell of each vertex [v].

    Args:
        quads: of cells.
        cells: how many there are.
        sides: of the quads.
        group: [e, 4], 0 to 3: the sides through a face of four crossed edges are joined where they have the
            same number; those of other faces are joined in any case.

    Cells with a face of which an odd number of edges is crossed, at a border of the surface or where sheets
    meet, keep one vertex.

    Raises:
        ValueError: a quad has a cell that there is not, or a group is none.
    """
    if quads.size and not (quads.min() >= 0 and quads.max() < cells):
        raise ValueError(f"quads must be of cells 0 to {cells - 1}")
    given = tensor_of(quads)
    kernels = native.kernels(given, needs="surface_split_sheets")
    if kernels is None:
        return reference.split(quads, cells, sides.face, sides.uses, group)
    vertex, cell = np.empty(quads.shape, dtype=np.int64), np.empty(quads.size, dtype=np.int64)
    count = kernels.surface_split_sheets(
        given, cells, tensor_of(sides.face), tensor_of(sides.uses), tensor_of(group),
        torch.from_numpy(vertex), torch.from_numpy(cell),
    )  # fmt: skip
    return vertex, cell[:count].copy()
