"""Waves, blobs and harmonics: the reference by what it must be, and the native kernels held against it."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import Tensor

from neurfield.ops import closed_forms, native
from neurfield.ops.reference import closed_forms as reference

needs_native = pytest.mark.skipif(native.module is None, reason="no native kernels here")

Form = Callable[[Tensor], Tensor]
FORMS: list[tuple[str, int, Form]] = [
    ("frequency 2", 2, partial(closed_forms.frequency, bands=1)),
    ("frequency 3", 3, partial(closed_forms.frequency, bands=4)),
    ("frequency 3, two active", 3, partial(closed_forms.frequency, bands=4, active_bands=2)),
    ("frequency 4", 4, partial(closed_forms.frequency, bands=3)),
    *((f"one blob {bins}", 3, partial(closed_forms.one_blob, bins=bins)) for bins in (2, 5, 16, 33)),
    ("one blob 2-D", 2, partial(closed_forms.one_blob, bins=8)),
    *(
        (f"harmonics {degree}", 3, partial(closed_forms.spherical_harmonics, degree=degree))
        for degree in (1, 2, 3, 4)
    ),
]
forms = pytest.mark.parametrize(
    ("dimensions", "form"), [form[1:] for form in FORMS], ids=[form[0] for form in FORMS]
)


def some_points(count: int, dimensions: int) -> Tensor:
    return torch.rand(count, dimensions, generator=torch.Generator().manual_seed(5)) * 2.4 - 0.7


def assert_near(found: Tensor, expected: Tensor, tolerance: float) -> None:
    scale = max(1.0, float(expected.abs().max())) if expected.numel() else 1.0
    torch.testing.assert_close(found.double(), expected.double(), atol=tolerance * scale, rtol=0.0)


@forms
def test_the_reference_has_true_derivatives_of_both_orders(dimensions: int, form: Form) -> None:
    points = some_points(4, dimensions).double().requires_grad_()
    assert torch.autograd.gradcheck(form, points)
    assert torch.autograd.gradgradcheck(form, points)


@needs_native
@forms
@pytest.mark.parametrize("count", [0, 1, 16, 1003])
def test_native_is_the_reference_in_both_orders(dimensions: int, form: Form, count: int) -> None:
    def gradients(points: Tensor) -> list[Tensor]:
        """Of the same float32 points, in float32 natively and in float64 by the reference."""
        points = points.requires_grad_()
        features = form(points)
        head = torch.linspace(-1.0, 1.0, features.shape[1], dtype=points.dtype).requires_grad_()
        value = (features * head).sum(1).tanh()
        (slope,) = torch.autograd.grad(value.sum() + 0.0 * points.sum(), points, create_graph=True)
        return [features, slope, *torch.autograd.grad(slope.square().sum(), (points, head))]

    points = some_points(count, dimensions)
    for found, expected in zip(gradients(points.clone()), gradients(points.double())):
        assert_near(found.detach(), expected.detach(), 1e-4)


@needs_native
def test_high_frequencies_are_as_accurate_as_low_ones() -> None:
    points = some_points(2000, 3)
    found, exact = closed_forms.frequency(points, 20), reference.frequency(points.double(), 20, 20)
    assert (found.double() - exact).abs().max() < 4e-7


def test_waves_are_in_the_order_that_the_fused_query_has() -> None:
    from neurfield.ops.reference.sdf_query import frequency_features

    points = some_points(9, 3)
    torch.testing.assert_close(closed_forms.frequency(points, 4), frequency_features(points, 4))
    x = torch.tensor([[0.25, 0.5]])
    half = math.sqrt(0.5)
    torch.testing.assert_close(closed_forms.frequency(x, 1), torch.tensor([[half, 1.0, half, 0.0]]))


@pytest.mark.parametrize("bins", [2, 4, 16, 31])
def test_a_blob_is_shared_out_whole_and_wraps_around(bins: int) -> None:
    points = some_points(200, 3)
    shares = closed_forms.one_blob(points, bins).view(200, 3, bins)
    torch.testing.assert_close(shares.sum(2), torch.ones(200, 3))
    assert shares.min() > -1e-6
    torch.testing.assert_close(
        closed_forms.one_blob(points + 1.0, bins), shares.view(200, -1), atol=1e-4, rtol=0
    )
    # A point moved by one bin gives the shares moved by one.
    moved = closed_forms.one_blob(points + 1.0 / bins, bins).view(200, 3, bins)
    torch.testing.assert_close(moved, shares.roll(1, dims=2), atol=1e-4, rtol=0)


def test_a_blob_in_the_middle_of_a_bin_is_symmetric() -> None:
    shares = closed_forms.one_blob(torch.tensor([[2.5 / 8]]), 8)[0]
    torch.testing.assert_close(shares[1], shares[3])
    assert shares.argmax() == 2 and shares[2] > 0.7 and shares[5:].abs().max() < 1e-6


@needs_native
def test_threads_do_not_change_a_bit() -> None:
    points, threads = some_points(9001, 3), torch.get_num_threads()
    try:
        for _, dimensions, form in FORMS:
            found = []
            for count in (1, 2):
                torch.set_num_threads(count)
                found.append(form(points[:, :1].expand(-1, dimensions).contiguous()))
            assert torch.equal(*found)
    finally:
        torch.set_num_threads(threads)


@forms
def test_takes_points_that_are_not_contiguous(dimensions: int, form: Form) -> None:
    wide = some_points(20, dimensions)
    slanted = wide.T.contiguous().T
    assert torch.equal(form(slanted), form(wide))


@needs_native
def test_a_third_derivative_is_refused_not_wrong() -> None:
    points = some_points(3, 2).requires_grad_()
    (first,) = torch.autograd.grad(closed_forms.one_blob(points, 4)[:, 0].sum(), points, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), points, create_graph=True)
    with pytest.raises(RuntimeError, match="differentiable twice"):
        torch.autograd.grad(second.sum(), points)


def test_says_what_is_wrong() -> None:
    for call, match in (
        (lambda: closed_forms.frequency(torch.zeros(1, 3), 0), "bands must be 1 to 20, got 0"),
        (lambda: closed_forms.one_blob(torch.zeros(1, 3), 1), "bins must be at least 2, got 1"),
        (lambda: closed_forms.spherical_harmonics(torch.zeros(1, 3), 5), "degree must be 1 to 4, got 5"),
        (lambda: closed_forms.frequency(torch.zeros(3), 2), r"points must be \[N, 1 to 4\], got \[3\]"),
        (lambda: closed_forms.one_blob(torch.full((2, 2), math.inf), 2), r"points\[0\] is not finite"),
    ):
        with pytest.raises(ValueError, match=match):
            call()
