"""Cells that may hold a surface: no cell of a field with slope at most one is ever lost."""

from __future__ import annotations

import torch

from neurfield.ops import conservative_occupancy
from neurfield.ops.reference import occupancy_grid as reference


def test_native_agrees_with_reference_and_nan_counts_as_occupied() -> None:
    sdf = torch.randn(7, 300, 90, generator=torch.Generator().manual_seed(0))
    sdf[0, 0, 0], sdf[1, 0, 0] = float("nan"), float("inf")
    occupied = conservative_occupancy(sdf, 0.2, 0.1)
    assert torch.equal(occupied, reference.conservative_occupancy(sdf, 0.2, 0.1))
    assert torch.equal(conservative_occupancy(sdf.transpose(0, 2), 0.2, 0.1), occupied.transpose(0, 2))
    assert occupied[0, 0, 0] == 1 and occupied[1, 0, 0] == 0


def test_every_point_within_the_margin_lies_in_an_occupied_cell() -> None:
    n, radius, margin = 24, 0.6, 0.05
    centres = (torch.arange(n) + 0.5) / n * 2 - 1
    grid = torch.stack(torch.meshgrid(centres, centres, centres, indexing="ij"), dim=-1)
    occupied = conservative_occupancy(grid.norm(dim=-1) - radius, 0.5 * 3**0.5 * (2 / n), margin)
    points = torch.rand(20_000, 3, generator=torch.Generator().manual_seed(1)) * 2 - 1
    near = points[(points.norm(dim=1) - radius).abs() <= margin]
    cells = ((near + 1) / 2 * n).long().unbind(1)
    assert occupied[cells].all() and not occupied.all()
