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
    corners = torch.cartesian_prod(*[torch.tensor([0.001, 0.999])] * 3)  # nearly, of a cell of edge 1
    near = 0
    for offset in torch.linspace(-0.3, 0.3, 25):
        grid, margin = OccupancyGrid(BOX, 24), 0.01

        def plane(at: Tensor, offset: Tensor = offset) -> Tensor:
            return (at - 0.5 * (low + high)) @ normal - offset

        grid.update(plane)
        cells = torch.ones_like(grid.values).nonzero()
        points = (cells[:, None] + corners) * grid.cell + torch.tensor(grid.box[:3])
        distance = plane(points).abs()  # of each corner of each cell
        inside = (grid.occupied(margin).view(-1, 1) != 0).expand_as(distance)
        assert inside[distance < margin].all()
        near += int((distance < margin).sum())
        # And no cell for nothing: beyond a whole diagonal and a sixteenth of a cell there is none.
        assert not inside[distance > margin + (3.0**0.5 + 1.0 / 16.0) * grid.cell].any()
    assert near > 100
