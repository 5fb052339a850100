"""The occupancy grid of a field: its cells, its refreshing, its state."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from neurfield.rendering.occupancy import OccupancyGrid

BOX = [-1.0, -0.5, 0.0, 1.0, 0.7, 0.43]


def sphere(points: Tensor) -> Tensor:
    return (points - torch.tensor([0.2, 0.0, 0.2])).norm(dim=1) - 0.3


def test_cells_are_cubes_that_cover_the_box() -> None:
    grid = OccupancyGrid(BOX, 20)
    assert list(grid.values.shape) == [20, 12, 5]
    low, high = torch.tensor(grid.box).view(2, 3)
    torch.testing.assert_close((high - low) / torch.tensor(grid.values.shape), torch.full((3,), grid.cell))
    assert (low <= torch.tensor(BOX[:3]) + 1e-6).all() and (high >= torch.tensor(BOX[3:]) - 1e-6).all()
    centres = grid.centres(torch.arange(grid.values.numel()))
    torch.testing.assert_close(centres.amin(dim=0), low + grid.cell / 2)
    torch.testing.assert_close(centres.amax(dim=0), high - grid.cell / 2)


def test_everything_is_occupied_until_the_field_was_asked() -> None:
    grid = OccupancyGrid(BOX, 16)
    assert grid.occupied().all()
    grid.update(sphere)
    assert 0 < int(grid.occupied().sum()) < grid.values.numel()
    assert (grid.occupied(0.2) >= grid.occupied(0.1)).all()
    assert int(grid.occupied(0.2).sum()) > int(grid.occupied(0.0).sum())


def test_a_refresh_asks_the_occupied_cells_and_some_others() -> None:
    grid = OccupancyGrid(BOX, 24)
    grid.update(sphere)
    occupied = grid.occupied() != 0
    grid.refresh(lambda points: sphere(points) + 5.0, 3, near=1, far=5)
    changed = grid.values > 3.0
    assert changed[occupied].all()
    assert 0.15 < changed[~occupied].float().mean() < 0.25


def test_refreshes_take_turns_until_every_cell_was_asked() -> None:
    grid = OccupancyGrid(BOX, 24)
    grid.update(sphere)
    occupied, asked = grid.occupied() != 0, torch.zeros_like(grid.values)

    def count(points: Tensor) -> Tensor:
        cells = ((points - torch.tensor(grid.box[:3])) / grid.cell).long()
        asked[cells[:, 0], cells[:, 1], cells[:, 2]] += 1
        return sphere(points)

    for turn in range(10, 16):
        grid.refresh(count, turn, near=2, far=6)
    assert (asked >= 1).all() and asked[~occupied].max() == 1
    assert asked[occupied].min() >= 3  # half of the turns


def test_a_change_of_the_values_shows_at_once() -> None:
    grid = OccupancyGrid(BOX, 8)
    assert grid.occupied(0.1).all()
    grid.values.fill_(9.0)
    assert not grid.occupied(0.1).any()


def test_a_steeper_field_needs_more_cells() -> None:
    plain, steep = OccupancyGrid(BOX, 24), OccupancyGrid(BOX, 24, lipschitz=2.0)
    plain.update(sphere), steep.update(sphere)
    assert int(steep.occupied().sum()) > int(plain.occupied().sum())


def test_values_travel_in_the_state() -> None:
    grid, other = OccupancyGrid(BOX, 12), OccupancyGrid(BOX, 12)
    grid.update(sphere)
    other.load_state_dict(grid.state_dict())
    assert torch.equal(other.occupied(0.05), grid.occupied(0.05))


@pytest.mark.parametrize(("box", "resolution"), [([0, 0, 0, 1, 1, 0], 8), ([0, 0, 0, 1], 8), (BOX, 0)])
def test_impossible_grids_are_refused(box: list[float], resolution: int) -> None:
    with pytest.raises(ValueError, match="OccupancyGrid"):
        OccupancyGrid(box, resolution)
