"""Depth losses vanish on the true distance field of what was measured."""

from __future__ import annotations

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
