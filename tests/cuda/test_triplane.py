"""Tri-planes' kernels against float64: values, gradients of both orders, and what they are to each other."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from neurfield.ops import triplane as op
from neurfield.ops.reference import triplane as reference
from neurfield.ops.triplane import PlaneLayout, triplane_encode

LAYOUTS = [
    *(PlaneLayout(3, (5, 9), 4, combination) for combination in ("sum", "product", "concatenation")),
    *(PlaneLayout(dimensions, (7,), 12, "sum", False) for dimensions in (2, 3, 4)),
    *(PlaneLayout(3, (2, 6), features, "concatenation") for features in (1, 2, 8)),
    PlaneLayout(2, (4,), 300),  # more shares than threads that share a point
    PlaneLayout(4, (4, 6), 8, "product", False),
]


def texels_of(layout: PlaneLayout) -> Tensor:
    return torch.randn(layout.n_parameters, generator=torch.Generator().manual_seed(0))


def some_points(count: int, dimensions: int) -> Tensor:
    return 1.4 * torch.rand(count, dimensions, generator=torch.Generator().manual_seed(1)) - 0.2


def assert_near(found: Tensor, expected: Tensor, tolerance: float = 3e-6) -> None:
    """Equal up to the rounding of sums: relative to the largest value."""
    assert found.shape == expected.shape
    scale = float(expected.abs().max()) if expected.numel() else 1.0
    torch.testing.assert_close(found.cpu().double(), expected, atol=tolerance * scale, rtol=0.0)


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
@pytest.mark.parametrize("interpolation", op.INTERPOLATIONS)
class TestAgainstReference:
    @pytest.mark.parametrize("count", [0, 1, 301])
    @pytest.mark.parametrize("active", [None, 0, 1])
    def test_values(
        self,
        device: torch.device,
        layout: PlaneLayout,
        interpolation: str,
        count: int,
        active: int | None,
    ) -> None:
        points, texels = some_points(count, layout.dimensions), texels_of(layout)
        how = (layout, interpolation, active)
        found = triplane_encode(points.to(device), texels.to(device), *how)
        assert_near(found, reference.encode(points.double(), texels.double(), *how))

    @pytest.mark.parametrize("count", [0, 1, 203])
    @pytest.mark.parametrize("active", [None, 1])
    def test_both_orders_of_gradients(
        self,
        device: torch.device,
        layout: PlaneLayout,
        interpolation: str,
        count: int,
        active: int | None,
    ) -> None:
        start = some_points(count, layout.dimensions), texels_of(layout)
        start = (*start, torch.linspace(-1.0, 1.0, layout.output_dim))

        def gradients(encode: Callable[..., Tensor], leaves: list[Tensor]) -> list[Tensor]:
            points, texels, head = [leaf.requires_grad_() for leaf in leaves]
            features = encode(points, texels, layout, interpolation, active)
            value = (0.05 * (features * head).sum(1)).tanh()
            by_both = torch.autograd.grad(value.sum(), (points, texels), create_graph=True)
            eikonal = ((by_both[0].norm(dim=1) - 1.0) ** 2).sum() + by_both[1].square().sum()
            return [features, *by_both, *torch.autograd.grad(eikonal, (points, texels, head))]

        ours = gradients(triplane_encode, [t.clone().to(device) for t in start])
        exact = gradients(reference.encode, [t.double() for t in start])
        for found, expected in zip(ours, exact):
            assert_near(found.detach(), expected.detach(), 3e-5)


@pytest.mark.parametrize("tangent", [False, True])
def test_the_texels_gradient_is_the_transpose_of_the_features(device: torch.device, tangent: bool) -> None:
    """<encode(texels), d> = <texels, scatter(d)>, for the features and for their change along a tangent."""
    layout = PlaneLayout(3, (4, 7), 8, "concatenation")
    how = (layout, "smoothstep", None)
    points, texels = some_points(500, 3).to(device), texels_of(layout).to(device)
    random = torch.Generator().manual_seed(2)
    d = torch.randn(500, layout.output_dim, generator=random).to(device)
    along = torch.randn(500, 3, generator=random).to(device) if tangent else None
    features = op._gather(points, along, texels, how)
    spread = op._scatter(points, None if tangent else d, along, d if tangent else None, how)
    there, back = (features.double() * d.double()).sum(), (texels.double() * spread.double()).sum()
    scale = features.double().norm() * d.double().norm()
    assert abs(there - back) < 1e-6 * scale


def test_the_gradient_of_points_sums_to_the_change_of_features(device: torch.device) -> None:
    """<encode along t, d> = <pull(d), t>."""
    layout = PlaneLayout(4, (5, 6), 12)
    how = (layout, "linear", None)
    points, texels = some_points(300, 4).to(device), texels_of(layout).to(device)
    random = torch.Generator().manual_seed(2)
    d, along = (torch.randn(300, width, generator=random).to(device) for width in (layout.output_dim, 4))
    there = (op._gather(points, along, texels, how) * d).sum(1)
    back = (op._pull(points, None, texels, d, how) * along).sum(1)
    torch.testing.assert_close(there, back, rtol=1e-4, atol=1e-4 * float(back.abs().max()))


def test_the_gradient_of_texels_is_added_to(device: torch.device) -> None:
    layout = PlaneLayout(3, (6,), 4)
    how = (layout, "linear", None)
    points, d = some_points(70, 3).to(device), torch.ones(70, 4, device=device)
    once = op._scatter(points, d, None, None, how)
    twice = once.clone()
    op._kernel("scatter", how, points, d, None, None, twice)
    torch.testing.assert_close(twice, 2.0 * once)


@pytest.mark.parametrize("offset", [1, 2])
def test_takes_texels_at_any_address(device: torch.device, offset: int) -> None:
    layout = PlaneLayout(3, (6,), 8)
    points, texels = some_points(50, 3).to(device), texels_of(layout).to(device)
    moved = torch.cat([texels.new_zeros(offset), texels])[offset:].requires_grad_()
    texels.requires_grad_()
    ours, wanted = (triplane_encode(points, t, layout) for t in (moved, texels))
    torch.testing.assert_close(ours, wanted)
    for found, expected in zip(
        torch.autograd.grad(ours.sum(), moved), torch.autograd.grad(wanted.sum(), texels)
    ):
        torch.testing.assert_close(found, expected)


def test_takes_points_that_are_not_contiguous(device: torch.device) -> None:
    layout, points = PlaneLayout(3, (6,), 4), some_points(50, 3).to(device)
    slanted = torch.stack([points, points], dim=2)[:, :, 0]
    texels = texels_of(layout).to(device)
    assert torch.equal(triplane_encode(slanted, texels, layout), triplane_encode(points, texels, layout))
