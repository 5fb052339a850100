"""Losses on a fused volume, by numbers worked out by hand."""

from __future__ import annotations

import pytest
import torch

from neurfield.losses.fused import fused_normals, fused_sdf, seen_through

X, Y = torch.tensor([1.0, 0.0, 0.0]), torch.tensor([0.0, 1.0, 0.0])


def test_distances_are_weighted_and_counted_in_bands() -> None:
    sdf, target = torch.tensor([0.1, 0.3, 9.0]), torch.tensor([0.3, 0.0, 0.0])
    found = fused_sdf(sdf, target, torch.tensor([1.0, 0.5, 0.0]), band=0.5)
    assert found.item() == pytest.approx((0.2 + 0.5 * 0.3) / 1.5 / 0.5)
    assert fused_sdf(sdf, target, torch.zeros(3), band=0.5).item() == 0.0


def test_normals_cost_their_l1_and_their_angle_whatever_the_slope() -> None:
    gradient, normal = torch.stack([3.0 * X, 0.2 * X, X]), torch.stack([X, Y, -X])
    for place, cost in enumerate((0.0, 2.0 + 1.0, 2.0 + 2.0)):
        weight = torch.zeros(3)
        weight[place] = 0.3
        assert fused_normals(gradient, normal, weight).item() == pytest.approx(cost, abs=1e-5)
    assert fused_normals(gradient, normal, torch.tensor([1.0, 0.5, 0.5])).item() == pytest.approx(3.5 / 2.0)
    assert fused_normals(gradient, normal, torch.zeros(3)).item() == 0.0


def test_free_space_asks_for_the_least_distance_and_no_more() -> None:
    assert seen_through(torch.tensor([0.2, 5.0]), least=0.2).item() == 0.0
    found = seen_through(torch.tensor([0.1, 0.3, -0.2]), least=0.2)
    assert found.item() == pytest.approx((0.5 + 0.0 + 2.0) / 3.0)
    assert seen_through(torch.zeros(0), least=0.2).item() == 0.0
