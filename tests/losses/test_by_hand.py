"""Losses by numbers worked out by hand: what counts, how much, and in which unit."""

from __future__ import annotations

import math

import pytest
import torch

from neurfield.losses.depth import free_space_sdf, near_surface_sdf, rendered_depth_l1
from neurfield.losses.geometric import eikonal, normal_smoothness
from neurfield.losses.photometric import mask_entropy


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


def test_slopes_cost_the_square_of_what_they_lack() -> None:
    g = torch.tensor([[3.0, 0.0, 0.0], [0.0, 0.5, 0.0], [0.0, 0.0, 1.0]])
    assert eikonal(g).item() == pytest.approx((4.0 + 0.25 + 0.0) / 3.0)


def test_smoothness_is_the_length_of_the_difference() -> None:
    a = torch.tensor([[2.0, 0.0, 0.0], [0.0, 0.0, 5.0]])
    b = torch.tensor([[0.0, 3.0, 0.0], [0.0, 0.0, 1.0]])
    assert normal_smoothness(a, b).item() == pytest.approx(2.0**0.5 / 2.0, abs=1e-5)


def test_mask_entropy_is_that_of_the_mask_and_stays_finite() -> None:
    opacity, mask = torch.tensor([0.2, 0.9]), torch.tensor([0.0, 1.0])
    assert mask_entropy(opacity, mask).item() == pytest.approx(-(math.log(0.8) + math.log(0.9)) / 2.0)
    surely_wrong = mask_entropy(torch.tensor([1.0]), torch.tensor([0.0]))
    assert surely_wrong.item() == pytest.approx(-math.log(1e-3), rel=1e-3)
