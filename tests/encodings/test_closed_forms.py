"""Encodings without parameters as modules, alone and side by side."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor

from neurfield.encodings import (
    Concatenation,
    Encoding,
    Frequency,
    Identity,
    OneBlob,
    SphericalHarmonics,
    TriPlane,
)

EVERY = [
    Frequency(2, 5),
    Frequency(4, 3),
    OneBlob(2, 7),
    OneBlob(4, 16),
    Identity(3, 2.0, -1.0),
    SphericalHarmonics(4),
    Concatenation(Identity(), Frequency(bands=4), OneBlob()),
    Concatenation(Frequency(bands=2), TriPlane(resolutions=(4, 8, 16), features=4), SphericalHarmonics(2)),
]


@pytest.mark.parametrize("encoding", EVERY, ids=lambda e: f"{type(e).__name__} {e.dimensions}")
class TestContract:
    def test_shapes(self, encoding: Encoding) -> None:
        for count in (0, 1, 33):
            points = torch.rand(count, encoding.dimensions)
            assert encoding(points).shape == (count, encoding.output_dim)
            assert torch.equal(encoding(points, encoding.levels), encoding(points))

    def test_coarse_to_fine(self, encoding: Encoding) -> None:
        points = torch.rand(33, encoding.dimensions, requires_grad=True)
        features = encoding(points, 0)
        assert not features.any()
        if features.requires_grad:
            assert not torch.autograd.grad(features.sum(), points, materialize_grads=True)[0].any()
        full = encoding(points)
        for active in range(1, encoding.levels):
            some = encoding(points, active)
            shown = some != 0.0
            assert torch.equal(some[shown], full[shown]) and shown.any(dim=0).sum() < encoding.output_dim

    def test_twice_differentiable_in_float64(self, encoding: Encoding) -> None:
        exact = copy.deepcopy(encoding).double()
        points = (torch.rand(3, encoding.dimensions, dtype=torch.float64) * 0.9 + 0.03).requires_grad_()
        assert torch.autograd.gradcheck(exact, points)
        assert torch.autograd.gradgradcheck(exact, points)

    def test_float32_is_float64(self, encoding: Encoding) -> None:
        def slope(points: Tensor, encoding: Encoding) -> list[Tensor]:
            points = points.requires_grad_()
            features = encoding(points)
            value = features @ torch.linspace(-1.0, 1.0, features.shape[1], dtype=points.dtype)
            (first,) = torch.autograd.grad(value.square().sum(), points, create_graph=True)
            return [features.double(), first.double(), torch.autograd.grad(first.sum(), points)[0].double()]

        points = torch.rand(101, encoding.dimensions)
        exact = slope(points.double(), copy.deepcopy(encoding).double())
        for one, two in zip(slope(points, encoding), exact):
            torch.testing.assert_close(
                one, two, atol=1e-4 * max(1.0, float(two.detach().abs().max())), rtol=0.0
            )

    def test_refuses_other_points(self, encoding: Encoding) -> None:
        name = type(encoding).__name__
        with pytest.raises(ValueError, match=f"{name}: points must be"):
            encoding(torch.zeros(3, encoding.dimensions + 1))
        with pytest.raises(ValueError, match=rf"{name}: points\[1\] is not finite"):
            encoding(torch.tensor([[0.0] * encoding.dimensions, [float("inf")] * encoding.dimensions]))


def test_a_concatenation_is_its_parts_in_order() -> None:
    parts = [Identity(), TriPlane(resolutions=(4, 8), features=4), Frequency(bands=3)]
    both = Concatenation(*parts)
    points = torch.rand(9, 3)
    assert (both.dimensions, both.levels) == (3, 3)
    assert torch.equal(both(points), torch.cat([part(points) for part in parts], dim=1))
    expected = [parts[0](points), parts[1](points, 2), parts[2](points, 2)]
    assert torch.equal(both(points, 2), torch.cat(expected, dim=1))
    assert set(both.state_dict()) == {"encodings.1.texels"}


def test_says_what_is_wrong() -> None:
    for make, match in (
        (lambda: Concatenation(Identity(2), OneBlob(3)), "Identity of 2, OneBlob of 3"),
        (lambda: Concatenation(), "got none"),
        (lambda: Frequency(5), "dimensions must be 2, 3 or 4, got 5"),
        (lambda: Frequency(bands=0), "bands must be 1 to 20, got 0"),
        (lambda: OneBlob(bins=1), "bins must be at least 2, got 1"),
        (lambda: Identity(1), "dimensions must be 2, 3 or 4, got 1"),
    ):
        with pytest.raises(ValueError, match=match):
            make()
