"""The cells that a surface may pass, as a sparse lattice: halves of cells, the points and edges they share.

Cells that rise are rows along z, and what neighbours share is merged row by row: nothing is hashed, nothing
sorted, and no table is as large as the lattice. Natively on all threads.

Legend: cell i is [i, i + 1]^3; arrays of cells are int64 [c, 3], not negative, and rise by x, then y, then z.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch

from neurfield.ops import native
from neurfield.ops.arrays import tensor_of
from neurfield.ops.reference import dual_lattice as reference


class LatticeEdges(NamedTuple):
    """Edges of the lattice that have a cell on all four sides.

    Attributes:
        cells: [e, 4] int64, counter-clockwise seen from the edge's upper end; the edge is the lowest of the
            third.
        axis: [e] int64, along which the edge runs.
    """

    cells: np.ndarray
    axis: np.ndarray


def halved_cells(cells: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """The cells of half the size [k, 3] in cells, rising.

    Args:
        cells: as above.
        counts: how many of the smaller ones there are along each axis [3]; those beyond are left out.

    Raises:
        ValueError: the cells do not rise.
    """
    given = tensor_of(cells)
    kernels = native.kernels(given, needs="surface_halve_cells")
    if kernels is None:
        _check(cells)
        return reference.halved_cells(cells, counts)
    children = np.empty((8 * len(cells), 3), dtype=np.int64)
    count = kernels.surface_halve_cells(given, tensor_of(counts), torch.from_numpy(children))
    return children[:count]


def shared_points(cells: np.ndarray, stride: int) -> tuple[np.ndarray, np.ndarray]:
    """The distinct points of all cells, `stride` to an edge, and which of them are each cell's.

    Args:
        cells: as above.
        stride: 1: corners alone, 2: the middles of edges, too.

    Returns:
        Points int64 [p, 3], rising: stride * cell + offset; and index int64 [c, (stride + 1)^3] of them, by
        rising offset.

    Raises:
        ValueError: the cells do not rise.
    """
    given = tensor_of(cells)
    kernels = native.kernels(given, needs="DualLattice")
    if kernels is None:
        _check(cells)
        return reference.shared_points(cells, stride)
    lattice = kernels.DualLattice(given)
    points = np.empty((lattice.count_points(stride), 3), dtype=np.int64)
    index = np.empty((len(cells), (stride + 1) ** 3), dtype=np.int64)
    lattice.write_points(torch.from_numpy(points), torch.from_numpy(index))
    return points, index


def edges_between(cells: np.ndarray) -> LatticeEdges:
    """The edges with four of the cells around them: of each axis in turn, by rising third cell.

    Raises:
        ValueError: the cells do not rise.
    """
    given = tensor_of(cells)
    kernels = native.kernels(given, needs="DualLattice")
    if kernels is None:
        _check(cells)
        return LatticeEdges(*reference.edges_between(cells))
    lattice = kernels.DualLattice(given)
    count = lattice.count_edges()
    edges = LatticeEdges(np.empty((count, 4), dtype=np.int64), np.empty(count, dtype=np.int64))
    lattice.write_edges(torch.from_numpy(edges.cells), torch.from_numpy(edges.axis))
    return edges


def _check(cells: np.ndarray) -> None:
    if len(cells) and (cells.min() < 0 or not (np.diff(reference.keys(cells)) > 0).all()):
        raise ValueError("cells must rise from 0")
