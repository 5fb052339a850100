"""Radial bases' kernels against float64: activations and features, with gradients of both orders."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from neurfield.encodings.kernel_support import support_radii
from neurfield.ops import native
from neurfield.ops.kernel_lookup import KernelLookup
from neurfield.ops.radial_basis import KERNELS, kernel_activations, radial_basis_encode
from neurfield.ops.radial_basis_features import _Composition, compose_features
from neurfield.ops.reference import radial_basis as reference


class Kernels:
    """A few hundred kernels of all shapes with features, and points among them; on the CPU."""

    def __init__(self, d: int, channels: int = 5, count: int = 300, blend: bool = False) -> None:
        generator = torch.Generator().manual_seed(d)
        self.d, self.generator = d, generator
        self.centres = torch.rand(count, d, generator=generator)
        size = count ** (1.0 / d)
        self.shapes = 0.3 * size * torch.randn(count, d * (d + 1) // 2, generator=generator)
        diagonal = [i * d - i * (i - 1) // 2 for i in range(d)]
        self.shapes[:, diagonal] = size * (0.5 + torch.rand(count, d, generator=generator))
        self.features = torch.randn(count, channels, generator=generator)
        self.bias = torch.randn(channels, generator=generator)
        self.frequencies = torch.logspace(-1.0, 3.0, channels, base=2.0)
        self.support = support_radii(self.centres, 6) if blend else None

    def points(self, count: int) -> Tensor:
        return 1.2 * torch.rand(count, self.d, generator=self.generator) - 0.1

    def near(self, points: Tensor, count: int = 6) -> Tensor:
        return reference.nearest(points, self.centres, count)


def assert_near(found: Tensor, expected: Tensor, tolerance: float = 2e-6) -> None:
    """Equal up to the rounding of sums: relative to the largest value."""
    assert found.shape == expected.shape
    scale = float(expected.abs().max()) if expected.numel() else 1.0
    torch.testing.assert_close(
        found.cpu().double(), expected.double(), atol=tolerance * max(scale, 1e-3), rtol=0.0
    )


def compare_activations(
    device: torch.device, some: Kernels, count: int, k: int, kernel: str, normalise: bool
) -> None:
    """Values, gradient and what a loss of the gradient gives, against float64."""
    start = some.points(count)
    near, head = some.near(start, k), torch.randn(count, k, generator=some.generator)

    def run(activations: Callable[..., Tensor], convert: Callable[[Tensor], Tensor]) -> list[Tensor]:
        points, weights = convert(start).requires_grad_(), convert(head).requires_grad_()
        support = None if some.support is None else convert(some.support)
        values = activations(points, convert(some.centres), convert(some.shapes), support)
        (slope,) = torch.autograd.grad((values * weights).sum(), points, create_graph=True)
        second = torch.autograd.grad((slope.norm(dim=1) - 1.0).square().sum(), (points, weights))
        return [values, slope, *second]

    def ours(points: Tensor, centres: Tensor, shapes: Tensor, support: Tensor | None) -> Tensor:
        return kernel_activations(points, centres, shapes, near.to(device), kernel, normalise, support)

    def exact(points: Tensor, centres: Tensor, shapes: Tensor, support: Tensor | None) -> Tensor:
        return reference.activations(points, centres, shapes, support, near, kernel, normalise)

    # Near the end of a window, and with it of the sum, float32 has few digits left of the difference.
    tolerance = 5e-5 if some.support is None else 5e-4
    for found, expected in zip(run(ours, lambda t: t.clone().to(device)), run(exact, Tensor.double)):
        assert_near(found.detach(), expected.detach(), tolerance)


@pytest.mark.parametrize("d", [2, 3, 4])
@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("blend", [False, True])
@pytest.mark.parametrize("normalise", [False, True])
@pytest.mark.parametrize("count", [0, 1, 203])
def test_activations(
    device: torch.device, d: int, kernel: str, blend: bool, normalise: bool, count: int
) -> None:
    compare_activations(device, Kernels(d, blend=blend), count, 6, kernel, normalise)


@pytest.mark.parametrize("k", range(1, 9))
def test_any_number_of_neighbours(device: torch.device, k: int) -> None:
    compare_activations(device, Kernels(3, blend=True), 77, k, "inverse_quadratic", True)
    some = Kernels(3)
    points = some.points(77)
    fixed = some.centres.to(device), some.shapes.to(device), some.near(points, k).to(device)
    sums = kernel_activations(points.to(device), *fixed).sum(1).cpu()
    torch.testing.assert_close(sums, torch.ones(77), rtol=0.0, atol=1e-5)


@pytest.mark.parametrize("channels", [1, 5, 16, 38])
@pytest.mark.parametrize("waves", [True, False])
class TestComposition:
    @pytest.mark.parametrize("count", [0, 1, 303])
    @pytest.mark.parametrize("active", [None, 0, 3])
    def test_values(
        self, device: torch.device, channels: int, waves: bool, count: int, active: int | None
    ) -> None:
        some = Kernels(2, channels)
        points = some.points(count)
        near, a = some.near(points), torch.rand(count, 6, generator=some.generator)
        frequencies = some.frequencies if waves else None
        with torch.no_grad():
            found = compose_features(
                a.to(device),
                near.to(device),
                some.features.to(device),
                some.bias.to(device),
                None if frequencies is None else frequencies.to(device),
                active,
            )
            exact = None if frequencies is None else frequencies.double()
            wide = (some.features.double(), some.bias.double(), exact, active)
            assert_near(found, reference.compose(a.double(), near, *wide))

    @pytest.mark.parametrize("active", [None, 3])
    @pytest.mark.parametrize("k", [1, 6])
    def test_both_orders_of_gradients(
        self, device: torch.device, channels: int, waves: bool, active: int | None, k: int
    ) -> None:
        some = Kernels(2, channels)
        near = some.near(some.points(203), k)
        start = torch.rand(203, k, generator=some.generator)

        def run(compose: Callable[..., Tensor], convert: Callable[[Tensor], Tensor]) -> list[Tensor]:
            leaves = tuple(convert(t).requires_grad_() for t in (start, some.features, some.bias))
            a, features, bias = leaves
            frequencies = convert(some.frequencies) if waves else None
            values = compose(a, near.to(a.device), features, bias, frequencies, active)
            first = torch.autograd.grad(values.tanh().sum(), leaves, create_graph=True)
            loss = torch.stack([(0.1 * g).sin().sum() for g in first]).sum()
            return [values, *first, *torch.autograd.grad(loss, leaves)]

        ours = run(compose_features, lambda t: t.clone().to(device))
        for found, expected in zip(ours, run(reference.compose, Tensor.double)):
            assert_near(found.detach(), expected.detach(), 5e-5)


@pytest.mark.parametrize("order", [0, 1, 2])
@pytest.mark.parametrize("active", [16, 7])
def test_the_three_sums_are_parts_of_one(device: torch.device, order: int, active: int) -> None:
    """The sum over pairs and channels of scale d w T, whichever of the three is left for last."""
    some = Kernels(3, 16)
    near = some.near(some.points(150)).to(device)
    random = some.generator
    a, scales = (torch.rand(150, 6, generator=random).to(device) for _ in range(2))
    d, table = torch.randn(150, 16, generator=random).to(device), some.features.to(device)
    how = _Composition(near, some.frequencies.to(device), active)
    by_points = (how.sum_kernels(order, a, table, scales=scales).double() * d).sum()
    by_pairs = (how.sum_channels(order, a, table, d).double() * scales).sum()
    by_kernels = (how.scatter(order, a, d, len(table), scales).double() * table).sum()
    size = (how.sum_channels(order, a, table, d).double() * scales).norm()
    assert abs(by_points - by_pairs) < 1e-5 * size and abs(by_kernels - by_pairs) < 1e-5 * size


def test_high_frequencies_are_accurate(device: torch.device) -> None:
    a = torch.rand(400, 1, generator=torch.Generator().manual_seed(0))
    near, features = torch.zeros(400, 1, dtype=torch.int32), torch.ones(1, 16)
    frequencies = torch.logspace(0.0, 12.0, 16, base=2.0)
    found = compose_features(a.to(device), near.to(device), features.to(device), None, frequencies.to(device))
    expected = torch.sin(a.double() * frequencies.double())
    # Without a fused multiply-add the product is rounded: 4096 * 2^-24.
    fused = native.kernels(features.to(device)).isa != "generic"
    assert (found.cpu() - expected).abs().max() < (1e-6 if fused else 3e-4)


@pytest.mark.parametrize("blend", [False, True])
def test_a_step_with_a_gradient_loss(device: torch.device, blend: bool) -> None:
    some = Kernels(3, 16, blend=blend)
    start = some.points(203)

    def run(convert: Callable[[Tensor], Tensor]) -> list[Tensor]:
        points = convert(start).requires_grad_()
        features, bias = (convert(t).requires_grad_() for t in (some.features, some.bias))
        support = None if some.support is None else convert(some.support)
        fixed = convert(some.centres), convert(some.shapes)
        values = radial_basis_encode(
            points, *fixed, features, bias, convert(some.frequencies), 6, support=support
        )
        value = values.sin().sum(1)
        (slope,) = torch.autograd.grad(value.sum(), points, create_graph=True)
        loss = (slope.norm(dim=1) - 1.0).square().mean() + value.square().mean()
        return [values, slope, *torch.autograd.grad(loss, (features, bias, points))]

    for found, expected in zip(run(lambda t: t.clone().to(device)), run(Tensor.double)):
        assert_near(found.detach(), expected.detach(), 2e-3 if blend else 1e-4)


def test_takes_what_is_not_contiguous(device: torch.device) -> None:
    some = Kernels(2)
    points, features = some.points(50).to(device), some.features.to(device)
    slanted = torch.stack([points, points], dim=2)[:, :, 0]
    wide = torch.cat([features, features], dim=1)[:, :5]
    assert not slanted.is_contiguous() and not wide.is_contiguous()
    fixed, how = (some.centres.to(device), some.shapes.to(device)), (some.bias.to(device),)
    lookup = KernelLookup(fixed[0])
    expected = radial_basis_encode(points, *fixed, features, *how, lookup=lookup)
    assert torch.equal(radial_basis_encode(slanted, *fixed, wide, *how, lookup=lookup), expected)


def test_inactive_channels_are_exact_zeros_and_learn_nothing(device: torch.device) -> None:
    some = Kernels(2)
    points, features, bias = (
        t.to(device).requires_grad_() for t in (some.points(33), some.features, some.bias)
    )
    fixed = (some.centres.to(device), some.shapes.to(device))
    values = radial_basis_encode(
        points, *fixed, features, bias, some.frequencies.to(device), active_channels=2
    )
    assert torch.equal(values[:, 2:].cpu(), torch.zeros(33, 3))
    values.square().sum().backward()
    assert features.grad is not None and bias.grad is not None
    assert not features.grad[:, 2:].any() and features.grad[:, :2].any()
    assert not bias.grad[2:].any() and bias.grad[:2].any()
