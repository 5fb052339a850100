"""The occupancy grid of a field: its cells, its refreshing, its state."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize

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


def on_sphere(count: int) -> Tensor:
    random = torch.Generator().manual_seed(0)
    return torch.tensor([0.2, 0.0, 0.2]) + 0.3 * normalize(torch.randn(count, 3, generator=random), dim=1)


def on_plane(count: int) -> Tensor:
    random = torch.Generator().manual_seed(1)
    x, y = torch.rand(2, count, generator=random)
    return torch.stack([2.0 * x - 1.0, 1.2 * y - 0.5, 0.2 - 0.1 * (2.0 * x - 1.0)], dim=1)


def plane(points: Tensor) -> Tensor:
    return (points[:, 2] - 0.2 + 0.1 * points[:, 0]) / 1.01**0.5


@pytest.mark.parametrize("slope", [1.0, 2.0, 5.0])
@pytest.mark.parametrize("width", [0.0015, 1e-4])
@pytest.mark.parametrize(("field", "surface"), [(sphere, on_sphere), (plane, on_plane)])
@pytest.mark.parametrize("resolution", [16, 128])
def test_no_point_of_the_surface_is_ruled_out_however_steep_the_field(
    slope: float,
    width: float,
    field: Callable[[Tensor], Tensor],
    surface: Callable[[int], Tensor],
    resolution: int,
) -> None:
    grid = OccupancyGrid(BOX, resolution)
    grid.update(lambda points: slope * field(points))
    points = surface(20_000)
    points = points[((points > grid.bounds[:3]) & (points < grid.bounds[3:])).all(dim=1)]
    cells = ((points - grid.bounds[:3]) / grid.cell).long()
    found = grid.occupied(4.0 * width)[cells.unbind(1)]
    assert len(points) > 5000 and (found == 0).float().mean() < 1e-4
    # Nor does a steep field occupy much more than the same surface with a distance field.
    if slope == 1.0 and resolution == 128:
        assert grid.occupied(4.0 * width).float().mean() < 0.2


def test_a_slope_is_measured_where_it_is() -> None:
    grid = OccupancyGrid(BOX, 24)
    grid.update(lambda points: torch.where(points[:, 0] > 0.0, 3.0, 1.0) * points[:, 2])
    slopes = grid.slopes()
    torch.testing.assert_close(slopes[:11], torch.ones_like(slopes[:11]))
    torch.testing.assert_close(slopes[13:], torch.full_like(slopes[13:], 3.0))


def test_what_is_no_number_may_hold_the_surface() -> None:
    grid = OccupancyGrid(BOX, 8)
    grid.values.fill_(9.0)
    grid.values[3, 2, 1] = torch.nan
    assert grid.occupied()[3, 2, 1] == 1 and grid.occupied().sum() < 8
    for margin in (float("nan"), float("inf"), -0.1):
        with pytest.raises(ValueError, match="margin"):
            grid.occupied(margin)


def test_values_travel_in_the_state() -> None:
    grid, other = OccupancyGrid(BOX, 12), OccupancyGrid(BOX, 12)
    grid.update(sphere)
    other.load_state_dict(grid.state_dict())
    assert torch.equal(other.occupied(0.05), grid.occupied(0.05))


@pytest.mark.parametrize(("box", "resolution"), [([0, 0, 0, 1, 1, 0], 8), ([0, 0, 0, 1], 8), (BOX, 0)])
def test_impossible_grids_are_refused(box: list[float], resolution: int) -> None:
    with pytest.raises(ValueError, match="OccupancyGrid"):
        OccupancyGrid(box, resolution)
