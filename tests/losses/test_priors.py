"""Ambiguous priors: the solve undoes any scale and shift, and nothing else."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from neurfield.losses.priors import ambiguous_depth, median_where, prior_normals, solve_scale_shift


def rays(seed: int, groups: int = 3, each: int = 40) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    depth = 1.0 + 3.0 * torch.rand(groups * each, generator=generator)
    group = torch.arange(groups).repeat_interleave(each)
    return depth, group, torch.ones(groups * each)


@settings(max_examples=25, deadline=None)
@given(scale=st.floats(0.05, 20.0), shift=st.floats(-5.0, 5.0), seed=st.integers(0, 99))
def test_scale_and_shift_are_found(scale: float, shift: float, seed: int) -> None:
    depth, group, weight = rays(seed)
    prior = (depth - shift) / scale
    found_scale, found_shift = solve_scale_shift(prior, depth, weight, group, 3)
    torch.testing.assert_close(found_scale, torch.full((3,), scale), rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(found_shift, torch.full((3,), shift), rtol=1e-3, atol=1e-2)
    assert ambiguous_depth(prior, depth, weight, group, 3).item() < 1e-3


def test_a_true_difference_is_not_solved_away() -> None:
    depth, group, weight = rays(0)
    bent = depth + 0.2 * torch.sin(5.0 * depth)
    assert ambiguous_depth(bent, depth, weight, group, 3).item() > 0.01


def test_each_image_has_its_own_scale_and_outliers_do_not_bend_it() -> None:
    depth, group, weight = rays(1)
    prior = depth * torch.tensor([0.1, 1.0, 7.0])[group]
    prior[::20] *= 3.0
    loss = ambiguous_depth(prior, depth.clone().requires_grad_(), weight, group, 3)
    assert loss.item() < 0.1


def test_images_that_cannot_be_solved_are_harmless() -> None:
    depth, group, weight = rays(2)
    for prior, trust in (
        (torch.ones_like(depth), weight),
        (depth, torch.zeros_like(weight)),
        (-depth, weight),
    ):
        loss = ambiguous_depth(prior, depth, trust, group, 3)
        assert torch.isfinite(loss)
    assert ambiguous_depth(-depth, depth, weight, group, 3).item() == pytest.approx(0.0)


def test_normals_agree_or_not() -> None:
    normal = torch.nn.functional.normalize(
        torch.randn(50, 3, generator=torch.Generator().manual_seed(0)), dim=1
    )
    one = torch.ones(50)
    assert prior_normals(3.0 * normal, normal, one).item() < 1e-5
    assert prior_normals(-normal, normal, one).item() > 2.0
    assert prior_normals(-normal, normal, torch.zeros(50)).item() == 0.0


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
