"""One vertex a cell from the planes that samples around it tell of: what dual contouring and meshing share.

Legend: lattice units, in which cell i is [i, i + 1]^3; a foot is the point of the surface that a sample tells
of, its normal that of the tangent plane through it.
"""

from __future__ import annotations

import torch
from torch import Tensor

from neurfield.ops import native
from neurfield.ops.reference import cell_vertices as reference

PUBLISHED_SLACKS = (1.0, 1.0, 0.15)


@torch.no_grad()
def cell_vertices(
    cells: Tensor,
    samples: Tensor,
    feet: Tensor,
    normals: Tensor,
    *,
    ratio: float = 0.08,
    slacks: tuple[float, float, float] | None = PUBLISHED_SLACKS,
) -> tuple[Tensor, Tensor, Tensor]:
    """For each cell the point that lies on all its tangent planes, by truncated least squares.

    Singular values below `ratio` of the largest count as 0; the rank then says what the cell sees: 1 a plane,
    2 an edge, 3 a corner. The point is that nearest to the mean of the feet in the cell. With `slacks` a
    plane's vertex moves to the middle of the plane's part in the cell and an edge's to the middle of the
    line's, and a cell without three samples or whose vertex is too far off is tried again with the feet in it
    alone; it may end without a vertex. Without, any cell with a sample has one, moved into the cell.

    Args:
        cells: int64 [c, 3].
        samples: int64 [c, k], rows of `feet` and `normals`; -1: none.
        feet: float64 [n, 3].
        normals: float64 [n, 3], units.
        ratio: as above.
        slacks: how far outside of its cell, in cells, a corner, an edge and a plane are accepted.

    Returns:
        Vertices float64 [c, 3], ranks uint8 [c] (0: no vertex) and directions float64 [c, 3], a plane's
        normal or an edge's direction; all on the CPU.

    Raises:
        ValueError: a shape or type does not fit, or a sample is not a row; names it.

    Source: Zhang et al., Surface Extraction from Neural Unsigned Distance Fields, ICCV 2023, and its released
    code (placement, second try); Ju et al., Dual Contouring of Hermite Data, SIGGRAPH 2002.
    """
    cells, samples = cells.cpu().contiguous(), samples.cpu().contiguous()
    feet, normals = feet.cpu().contiguous(), normals.cpu().contiguous()
    count, rows = len(cells), len(feet)
    expected = {
        "cells": (cells, (count, 3), torch.int64),
        "samples": (samples, (count, samples.shape[-1]), torch.int64),
        "feet": (feet, (rows, 3), torch.float64),
        "normals": (normals, (rows, 3), torch.float64),
    }
    for name, (tensor, shape, dtype) in expected.items():
        if tuple(tensor.shape) != shape or tensor.dtype != dtype:
            raise ValueError(
                f"cell_vertices: {name} must be {dtype} {list(shape)}, "
                f"got {tensor.dtype} {list(tensor.shape)}"
            )
    if samples.numel() and not (int(samples.min()) >= -1 and int(samples.max()) < rows):
        raise ValueError(f"cell_vertices: samples must be -1 to {rows - 1}")
    kernels = native.kernels(cells, needs="surface_cell_vertices")  # of float64, as the reference
    if kernels is None:
        if slacks is None:
            return reference.clamped_vertices(cells, samples, feet, normals, ratio)
        return reference.cell_vertices(cells, samples, feet, normals, ratio, slacks)
    vertices, directions = torch.zeros(2, count, 3, dtype=torch.float64)
    ranks = torch.zeros(count, dtype=torch.uint8)
    numbers = (ratio, slacks is None, *(slacks or PUBLISHED_SLACKS))
    kernels.surface_cell_vertices(cells, samples, feet, normals, *numbers, vertices, ranks, directions)
    return vertices, ranks, directions
