"""Which cells of a grid may hold a surface, in plain torch."""

from __future__ import annotations

from torch import Tensor


def conservative_occupancy(sdf: Tensor, half_diagonal: float, margin: float) -> Tensor:
    """uint8 [X, Y, Z]; see `neurfield.ops.conservative_occupancy`."""
    return (~(sdf.detach().abs() > half_diagonal + margin)).byte()
