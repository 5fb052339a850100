"""Depth losses vanish on the true distance field of what was measured."""

from __future__ import annotations

import pytest
import torch

from neurfield.losses.depth import free_space_sdf, near_surface_sdf, rendered_depth_l1


def tilted_plane(cosine: float) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    t = torch.linspace(0.1, 2.2, 300)
    t_depth = torch.full_like(t, 2.0)
    return t, t_depth, (t_depth - t) * cosine


def test_true_distances_cost_nothing() -> None:
    for cosine in (1.0, 0.5, 0.2):
        t, t_depth, sdf = tilted_plane(cosine)
        assert near_surface_sdf(sdf, t, t_depth, torch.full_like(t, cosine), 0.1).item() < 1e-6
        assert free_space_sdf(sdf, t, t_depth, 0.1).item() < 1e-6


def test_matter_in_seen_space_and_too_much_room_cost() -> None:
    t, t_depth, sdf = tilted_plane(1.0)
    assert free_space_sdf(-sdf, t, t_depth, 0.1).item() > 0.1
    assert free_space_sdf(sdf + 1.0, t, t_depth, 0.1).item() > 0.1
    assert near_surface_sdf(sdf + 0.05, t, t_depth, torch.ones_like(t), 0.1).item() > 0.4


def test_rays_without_depth_say_nothing() -> None:
    t, _, sdf = tilted_plane(1.0)
    nothing = torch.zeros_like(t)
    assert near_surface_sdf(sdf, t, nothing, torch.ones_like(t), 0.1).item() == 0.0
    assert free_space_sdf(-sdf, t, nothing, 0.1).item() == 0.0
    assert rendered_depth_l1(t, nothing, torch.ones_like(t)).item() == 0.0


def test_near_errors_are_means_over_the_band_on_both_sides_in_truncations() -> None:
    t = torch.tensor([1.0, 1.95, 2.05, 2.5, 1.98])
    t_depth = torch.tensor([2.0, 2.0, 2.0, 2.0, 0.0])
    off = torch.tensor(
        [9.0, 0.02, -0.04, 9.0, 9.0]
    )  # the first and fourth lie outside, the last has no depth
    found = near_surface_sdf((t_depth - t) * 0.5 + off, t, t_depth, torch.full_like(t, 0.5), 0.1)
    assert found.item() == pytest.approx((0.02 + 0.04) / 2 / 0.1, rel=1e-4)


def test_free_errors_are_means_over_what_lies_before_the_band() -> None:
    t = torch.tensor([1.0, 1.5, 1.95, 2.5, 1.0])
    t_depth = torch.tensor([2.0, 2.0, 2.0, 2.0, 0.0])
    sdf = torch.tensor([-0.05, 0.8, -9.0, -9.0, -9.0])
    # The first lacks 0.01 + 0.05 of the least that is asked, the second has 0.3 more than there is room for.
    found = free_space_sdf(sdf, t, t_depth, 0.1)
    assert found.item() == pytest.approx((0.06 + 0.3) / 2 / 0.1, rel=1e-4)


def test_rendered_depth_counts_opaque_rays_and_each_a_tenth_at_most() -> None:
    t_depth = torch.tensor([2.0, 2.0, 2.0, 0.0])
    distance = torch.tensor([2.03, 3.0, 5.0, 5.0])
    opacity = torch.tensor([0.9, 0.6, 0.4, 0.9])
    found = rendered_depth_l1(distance, t_depth, opacity)
    assert found.item() == pytest.approx((0.03 + 0.1) / 2, rel=1e-4)
