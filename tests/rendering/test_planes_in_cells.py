"""Planes in any direction: the grid rules out no point of them, and little else."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from neurfield.rendering.occupancy import OccupancyGrid
from tests.rendering.test_occupancy import BOX


@pytest.mark.parametrize("direction", [(1.0, 1.0, 1.0), (1.0, -1.0, 0.0), (0.0, 0.0, 1.0), (3.0, 1.0, -2.0)])
def test_no_point_within_the_margin_of_a_plane_is_ruled_out(direction: tuple[float, ...]) -> None:
    normal = torch.nn.functional.normalize(torch.tensor(direction), dim=0)
    low, high = torch.tensor(BOX).view(2, 3)
    generator = torch.Generator().manual_seed(0)
    points = low + (high - low) * torch.rand(60_000, 3, generator=generator)
    for offset in torch.linspace(-0.3, 0.3, 7):
        grid, margin = OccupancyGrid(BOX, 24), 0.01

        def plane(at: Tensor, offset: Tensor = offset) -> Tensor:
            return (at - 0.5 * (low + high)) @ normal - offset

        grid.update(plane)
        occupied = grid.occupied(margin)
        cells = ((points - torch.tensor(grid.box[:3])) / grid.cell).long().unbind(1)
        inside = occupied[cells] != 0
        assert inside[plane(points).abs() < margin].all()
        # And no cell for nothing: beyond a whole diagonal and a sixteenth of a cell there is none.
        assert not inside[plane(points).abs() > margin + (3.0**0.5 + 1.0 / 16.0) * grid.cell].any()
