"""Ambiguous priors: what the solve follows, what it gives up, and what is left to pay."""

from __future__ import annotations

import pytest
import torch

from neurfield.losses.priors import ambiguous_depth, median_where, prior_normals, solve_scale_shift
from tests.losses.test_priors import rays


def test_weights_decide_what_scale_and_shift_follow() -> None:
    depth, group, weight = rays(3)
    prior = (depth - 0.4) / 2.5
    prior[::4], weight[::4] = 7.0, 0.0
    scale, shift = solve_scale_shift(prior, depth, weight, group, 3)
    torch.testing.assert_close(scale, torch.full((3,), 2.5), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(shift, torch.full((3,), 0.4), rtol=1e-3, atol=1e-3)
    # Between two lines the heavier counts more: weights 3 and 1 of a constant prior meet at a quarter.
    two = torch.tensor([1.0, 2.0])
    _, shift = solve_scale_shift(torch.ones(2), two, torch.tensor([3.0, 1.0]), torch.zeros(2).long(), 1)
    assert shift.item() == pytest.approx(1.25)


def test_an_error_counts_as_a_part_of_the_depth() -> None:
    depth, group, weight = rays(4)
    bent = depth + 0.2 * torch.sin(5.0 * depth)
    near, far = (ambiguous_depth(bent, k * depth, weight, group, 3).item() for k in (1.0, 50.0))
    assert near == pytest.approx(far, rel=1e-3)
    # Half of the rays 4 % too far: most of the others' error is that, the fit lies between.
    prior = depth * torch.where(torch.arange(len(depth)) % 2 == 0, 1.0, 1.04)
    assert 0.01 < ambiguous_depth(prior, depth, weight, group, 3).item() < 0.017


def test_few_bad_rays_are_given_up_and_trust_is_a_mean() -> None:
    depth, group, weight = rays(5)
    for every, wrong in ((10, 1.0), (20, 3.0)):
        prior = 0.5 * depth + 0.1
        prior[::every] += wrong
        assert ambiguous_depth(prior, depth, weight, group, 3).item() < 0.01
    bent = depth + 0.2 * torch.sin(5.0 * depth)
    full, half = (ambiguous_depth(bent, depth, k * weight, group, 3).item() for k in (1.0, 0.5))
    assert half == pytest.approx(full, rel=1e-3)


def test_the_prior_pulls_the_depth_towards_itself() -> None:
    depth, group, weight = rays(6)
    bent = depth + 0.1 * torch.sin(5.0 * depth)
    free = depth.clone().requires_grad_()
    before = ambiguous_depth(bent, free, weight, group, 3)
    before.backward()
    assert free.grad is not None and (free.grad.abs() * depth * len(depth)).max() <= 1.0 + 1e-4
    after = ambiguous_depth(bent, depth - 2.0 * free.grad, weight, group, 3)
    assert after < 0.95 * before


def test_the_median_is_the_lower_of_what_is_chosen() -> None:
    values = torch.tensor([5.0, 1.0, 9.0, 3.0, 100.0, -7.0])
    chosen = torch.tensor([True, True, True, True, False, False])
    assert median_where(chosen, values, otherwise=2.0).item() == 3.0
    assert median_where(chosen[:3], values[:3], otherwise=2.0).item() == 5.0
    assert median_where(~chosen[:4], values[:4], otherwise=2.0).item() == 2.0


def test_normals_cost_their_l1_and_their_angle() -> None:
    x, y = torch.tensor([[1.0, 0.0, 0.0]]), torch.tensor([[0.0, 1.0, 0.0]])
    one = torch.ones(1)
    assert prior_normals(5.0 * x, y, one).item() == pytest.approx(3.0)
    assert prior_normals(x, -x, one).item() == pytest.approx(4.0)
    assert prior_normals(
        torch.cat([x, x]), torch.cat([y, x]), torch.tensor([1.0, 3.0])
    ).item() == pytest.approx(0.75)


def test_a_prior_that_would_turn_the_image_inside_out_says_nothing() -> None:
    depth, group, weight = rays(7)
    inside_out = -(depth + 0.2 * torch.sin(5.0 * depth))
    free = depth.clone().requires_grad_()
    loss = ambiguous_depth(inside_out, free, weight, group, 3)
    loss.backward()
    assert loss.item() == 0.0 and free.grad is not None and not free.grad.any()
