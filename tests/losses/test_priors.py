"""Ambiguous priors: the solve undoes any scale and shift, and nothing else."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from neurfield.losses.priors import ambiguous_depth, prior_normals, solve_scale_shift


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
