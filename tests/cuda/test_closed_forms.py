"""Waves, blobs and harmonics: the kernels against the reference in float64, to the second order."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import Tensor

from neurfield.ops import closed_forms
from neurfield.ops.reference import closed_forms as reference

Form = Callable[[Tensor], Tensor]
FORMS: dict[str, tuple[int, Form]] = {
    "one band": (2, partial(closed_forms.frequency, bands=1)),
    "waves": (3, partial(closed_forms.frequency, bands=5)),
    "waves, two active": (3, partial(closed_forms.frequency, bands=4, active_bands=2)),
    "waves 4-D": (4, partial(closed_forms.frequency, bands=3)),
    **{f"blobs {bins}": (3, partial(closed_forms.one_blob, bins=bins)) for bins in (2, 5, 33)},
    "blobs 1-D": (1, partial(closed_forms.one_blob, bins=16)),
    **{f"harmonics {k}": (3, partial(closed_forms.spherical_harmonics, degree=k)) for k in (1, 2, 3, 4)},
}
forms = pytest.mark.parametrize(("dimensions", "form"), FORMS.values(), ids=FORMS)


def some_points(count: int, dimensions: int) -> Tensor:
    return torch.rand(count, dimensions, generator=torch.Generator().manual_seed(5)) * 2.4 - 0.7


def assert_near(found: Tensor, expected: Tensor, tolerance: float) -> None:
    scale = max(1.0, float(expected.abs().max())) if expected.numel() else 1.0
    torch.testing.assert_close(found.cpu().double(), expected, atol=tolerance * scale, rtol=0.0)


def gradients(form: Form, points: Tensor) -> list[Tensor]:
    """Features, the points' gradient, and the gradient of that; in float64 by the reference."""
    points = points.requires_grad_()
    features = form(points)
    head = torch.linspace(-1.0, 1.0, features.shape[1], dtype=points.dtype, device=points.device)
    head.requires_grad_()
    value = (features * head).sum(1).tanh()
    (slope,) = torch.autograd.grad(value.sum() + 0.0 * points.sum(), points, create_graph=True)
    second = torch.autograd.grad(slope.square().sum(), (points, head))
    return [t.detach() for t in (features, slope, *second)]


@forms
@pytest.mark.parametrize("count", [0, 1, 33, 300])
def test_is_the_reference_in_both_orders(
    device: torch.device, dimensions: int, form: Form, count: int
) -> None:
    points = some_points(count, dimensions)
    expected = gradients(form, points.double())
    for found, wanted in zip(gradients(form, points.to(device)), expected):
        assert_near(found, wanted, 1e-4)


@forms
def test_values_are_exact_to_rounding(device: torch.device, dimensions: int, form: Form) -> None:
    points = some_points(257, dimensions)
    assert_near(form(points.to(device)), form(points.double()), 2e-6)


@forms
def test_takes_what_is_not_contiguous_or_not_aligned(
    device: torch.device, dimensions: int, form: Form
) -> None:
    """Points in a transposed matrix, and points and gradients that begin at an odd float."""
    points = some_points(41, dimensions)
    expected = form(points.to(device))
    assert torch.equal(form(points.T.contiguous().to(device).T), expected)

    def odd(values: Tensor) -> Tensor:
        return torch.cat([torch.zeros(1), values.flatten()]).to(device)[1:].view(values.shape)

    leaf = odd(points).requires_grad_()
    features = form(leaf)
    assert torch.equal(features, expected)
    weights = torch.rand(features.shape, generator=torch.Generator().manual_seed(6))
    (found,) = torch.autograd.grad(features, leaf, odd(weights))
    exact = points.double().requires_grad_()
    (wanted,) = torch.autograd.grad((form(exact) * weights.double()).sum() + 0.0 * exact.sum(), exact)
    assert_near(found, wanted, 1e-5)


def test_high_frequencies_are_as_accurate_as_low_ones(device: torch.device) -> None:
    points = some_points(500, 3)
    found, exact = closed_forms.frequency(points.to(device), 20), reference.frequency(points.double(), 20, 20)
    assert (found.cpu().double() - exact).abs().max() < 4e-7


@pytest.mark.parametrize("bins", [2, 16, 31])
def test_a_blob_is_shared_out_whole_and_moves_with_its_point(device: torch.device, bins: int) -> None:
    points = some_points(100, 3).to(device)
    shares = closed_forms.one_blob(points, bins).view(100, 3, bins)
    torch.testing.assert_close(shares.sum(2), torch.ones_like(points))
    moved = closed_forms.one_blob(points + 1.0 / bins, bins).view(100, 3, bins)
    torch.testing.assert_close(moved, shares.roll(1, dims=2), atol=1e-4, rtol=0)
