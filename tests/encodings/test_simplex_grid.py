"""The simplex grid as a module."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import load, save

from neurfield.encodings import HashGrid, SimplexGrid


@pytest.mark.parametrize("dimensions", [2, 3, 4])
def test_learns_a_function_from_fewer_entries(dimensions: int) -> None:
    torch.manual_seed(0)
    grid = SimplexGrid(levels=4, log2_table_size=14, finest_resolution=24, dimensions=dimensions)
    cubes = HashGrid(levels=4, log2_table_size=14, finest_resolution=24, dimensions=dimensions)
    assert grid.table.numel() < cubes.table.numel()
    points = torch.rand(2000, dimensions)
    wanted = torch.sin(7.0 * points[:, 0]) * points[:, 1]
    optimizer = torch.optim.Adam(grid.parameters(), lr=3e-2)
    first = None
    for _ in range(80):
        loss = (grid(points).sum(1) - wanted).square().mean()
        first = loss.item() if first is None else first
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.02 * first


def test_its_state_is_its_table() -> None:
    grid, other = (SimplexGrid(levels=3, log2_table_size=8, seed=seed) for seed in (1, 2))
    other.load_state_dict(load(save(grid.state_dict())))
    points = torch.rand(33, 3)
    assert torch.equal(grid(points), other(points))


def test_an_empty_batch_and_levels_that_wait() -> None:
    grid = SimplexGrid(levels=3, log2_table_size=8, dimensions=2)
    assert grid(torch.zeros(0, 2)).shape == (0, 6)
    features = grid(torch.rand(5, 2), active_levels=1)
    assert features[:, :2].any() and not features[:, 2:].any()


@pytest.mark.parametrize(
    ("points", "words"),
    [
        (torch.zeros(4, 3), r"SimplexGrid: points must be \[N, 2\], got \[4, 3\]"),
        (torch.zeros(4), r"SimplexGrid: points must be \[\.\.\., 2\], got \[4\]"),
        (torch.zeros(4, 2, dtype=torch.float64), "points must be torch.float32, got torch.float64"),
        (torch.zeros(4, 2, dtype=torch.int64), "points must be torch.float32, got torch.int64"),
        (torch.tensor([[0.5, 0.5], [0.1, float("inf")]]), r"points\[1\] is not finite: \(0.1, inf\)"),
    ],
)
def test_names_what_is_wrong_with_points(points: torch.Tensor, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        SimplexGrid(levels=3, log2_table_size=8, dimensions=2)(points)


def test_refuses_a_finest_level_that_is_coarser_than_the_first() -> None:
    with pytest.raises(ValueError, match="finest_resolution must be at least base_resolution"):
        SimplexGrid(base_resolution=32, finest_resolution=16)
