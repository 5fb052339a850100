"""The hash grid as a module."""

from __future__ import annotations

import copy

import pytest
import torch

from neurfield.encodings import HashGrid


def test_starts_small_and_by_its_seed() -> None:
    grid = HashGrid(levels=3, log2_table_size=10, seed=3)
    assert grid.table.abs().max() <= 1e-4 and grid.table.std() > 5e-5
    assert torch.equal(grid.table, HashGrid(levels=3, log2_table_size=10, seed=3).table)
    assert not torch.equal(grid.table, HashGrid(levels=3, log2_table_size=10, seed=4).table)


def test_finest_resolution_is_met() -> None:
    grid = HashGrid(levels=8, base_resolution=16, finest_resolution=512, log2_table_size=12)
    assert grid.resolutions[0] == 16
    assert abs(grid.resolutions[-1] - 512) <= 1


def test_forward_learns_a_function() -> None:
    torch.manual_seed(0)
    grid = HashGrid(levels=4, log2_table_size=12, finest_resolution=32)
    points = torch.rand(2000, 3)
    wanted = torch.sin(7.0 * points[:, 0]) * points[:, 1]
    optimizer = torch.optim.Adam(grid.parameters(), lr=3e-2)
    first = None
    for _ in range(60):
        loss = (grid(points).sum(1) - wanted).square().mean()
        first = loss.item() if first is None else first
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.01 * first


def test_output_and_copies() -> None:
    grid = HashGrid(levels=5, features=4, log2_table_size=10)
    points = torch.rand(9, 3)
    features = grid(points, active_levels=3)
    assert features.shape == (9, grid.output_dim) == (9, 20)
    assert not features[:, 12:].any()
    assert torch.equal(copy.deepcopy(grid)(points), grid(points))


def test_refuses_two_ways_of_saying_how_fine() -> None:
    with pytest.raises(ValueError, match="not both"):
        HashGrid(growth=1.5, finest_resolution=512)
    with pytest.raises(ValueError, match="interpolation"):
        HashGrid(interpolation="nearest")
