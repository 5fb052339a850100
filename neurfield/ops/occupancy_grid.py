"""Which cells of a grid may hold a surface."""

from __future__ import annotations

import torch
from torch import Tensor

from neurfield.ops import native
from neurfield.ops.eager import eager
from neurfield.ops.reference import occupancy_grid as reference


@eager
def conservative_occupancy(sdf: Tensor, half_diagonal: float, margin: float = 0.0) -> Tensor:
    """uint8 [X, Y, Z]: 1 where a cell may come within `margin` of the surface, from the SDF at its centre.

    |sdf| <= half_diagonal + margin: where the field's slope is at most 1, no cell is lost, and one query a
    cell suffices, without jitter (PermutoSDF, Rosu and Behnke 2023, its occupancy rule for an opacity that
    vanishes beyond `margin`). For a steeper field scale `half_diagonal` by its slope. NaN counts as occupied.

    Args:
        sdf: [X, Y, Z] at the cell centres, in the unit of length of `half_diagonal` and `margin`.
    """
    if sdf.dim() != 3:
        raise ValueError(f"sdf: must be [X, Y, Z], got {tuple(sdf.shape)}")
    kernels = native.kernels(sdf)
    if kernels is None:
        return reference.conservative_occupancy(sdf, half_diagonal, margin)
    occupied = torch.empty(sdf.shape, dtype=torch.uint8, device=sdf.device)
    kernels.conservative_occupancy(sdf.detach().contiguous(), half_diagonal + margin, occupied)
    return occupied
