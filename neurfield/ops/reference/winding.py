"""Sums of winding numbers over all pairs in plain torch: the specification of `neurfield.ops.WindingTree`."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

_PAIRS = 1 << 21  # at a time
LEAST_SQUARE = 1e-18  # pairs closer than the root of this count for nothing whatever the width


def flux(points: Tensor, vectors: Tensor, targets: Tensor, width: float) -> Tensor:
    """Sums [T] of -r.s / |r|^3; see `neurfield.ops.WindingTree.flux`."""
    parts = [-((r * vectors).sum(dim=2) * cube).sum(dim=1) for r, _, cube in _pairs(points, targets, width)]
    return torch.cat([targets.new_zeros(0), *parts])


def adjoint(points: Tensor, numbers: Tensor, targets: Tensor, width: float) -> Tensor:
    """Sums [T, 3] of s r / |r|^3; see `neurfield.ops.WindingTree.adjoint`."""
    parts = [(r * (numbers * cube)[..., None]).sum(dim=1) for r, _, cube in _pairs(points, targets, width)]
    return torch.cat([targets.new_zeros(0, 3), *parts])


def slope(points: Tensor, vectors: Tensor, targets: Tensor, width: float) -> Tensor:
    """Sums [T, 3] of s / |r|^3 - 3 r (r.s) / |r|^5; see `neurfield.ops.WindingTree.slope`."""
    parts = []
    for r, square, cube in _pairs(points, targets, width):
        along = (r * vectors).sum(dim=2) / square
        parts.append(((vectors - 3.0 * r * along[..., None]) * cube[..., None]).sum(dim=1))
    return torch.cat([targets.new_zeros(0, 3), *parts])


def _pairs(points: Tensor, targets: Tensor, width: float) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """For some targets after others: r [t, N, 3], |r|^2, and 1 / |r|^3, which is 0 for pairs too close."""
    least = max(width * width, LEAST_SQUARE)
    for some in targets.split(max(1, _PAIRS // max(1, len(points)))):
        r = some[:, None] - points
        square = r.square().sum(dim=2)
        cube = torch.where(square >= least, square.clamp(min=least) ** -1.5, 0.0)
        yield r, square.clamp(min=least), cube
