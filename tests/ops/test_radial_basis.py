"""Radial bases: the specification in float64, and the native kernels held against it."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from neurfield.encodings.kernel_support import support_radii
from neurfield.ops import native
from neurfield.ops.kernel_lookup import KernelLookup
from neurfield.ops.radial_basis import KERNELS, kernel_activations, radial_basis_encode
from neurfield.ops.radial_basis_features import compose_features
from neurfield.ops.reference import radial_basis as reference

needs_native = pytest.mark.skipif(native.module is None, reason="no native kernels here")

SMOOTH = ("inverse_quadratic", "gaussian", "inverse_multiquadric")


class Kernels:
    """A few hundred kernels of all shapes with features, and points among them."""

    def __init__(
        self,
        d: int,
        channels: int = 5,
        count: int = 300,
        dtype: torch.dtype = torch.float32,
        blend: bool = False,
    ) -> None:
        generator = torch.Generator().manual_seed(d)

        def normal(*shape: int) -> Tensor:
            return torch.randn(*shape, generator=generator, dtype=dtype)

        self.d = d
        self.centres = torch.rand(count, d, generator=generator, dtype=dtype)
        size = count ** (1.0 / d)
        self.shapes = 0.3 * size * normal(count, d * (d + 1) // 2)
        diagonal = [i * d - i * (i - 1) // 2 for i in range(d)]
        self.shapes[:, diagonal] = size * (0.5 + torch.rand(count, d, generator=generator, dtype=dtype))
        self.features, self.bias = normal(count, channels), normal(channels)
        self.frequencies = torch.logspace(-1.0, 3.0, channels, base=2.0, dtype=dtype)
        self.support = support_radii(self.centres, 6) if blend else None
        self.generator = generator

    def points(self, count: int) -> Tensor:
        unit = torch.rand(count, self.d, generator=self.generator, dtype=self.centres.dtype)
        return 1.2 * unit - 0.1

    def near(self, points: Tensor, count: int = 6) -> Tensor:
        return reference.nearest(points, self.centres, count)


def assert_near(found: Tensor, expected: Tensor, tolerance: float = 2e-6) -> None:
    """Equal up to the rounding of sums: relative to the largest value."""
    assert found.shape == expected.shape
    scale = float(expected.abs().max()) if expected.numel() else 1.0
    torch.testing.assert_close(found, expected.to(found.dtype), atol=tolerance * max(scale, 1e-3), rtol=0.0)


class TestReference:
    @pytest.mark.parametrize("kernel", KERNELS)
    def test_a_kernel_is_one_at_its_centre_and_falls(self, kernel: str) -> None:
        steps = torch.linspace(0.0, 2.0, 30, dtype=torch.float64)
        points = torch.stack([steps, torch.zeros_like(steps)], dim=1)
        centres = torch.zeros(30, 1, 2, dtype=torch.float64)
        shapes = torch.tensor([2.0, 0.3, 1.0], dtype=torch.float64).expand(30, 1, 3)
        values = reference.responses(points, centres, shapes, kernel)[:, 0]
        assert values[0] == pytest.approx(1.0, abs=2e-6)
        assert (values.diff() <= 0.0).all() and (values >= 0.0).all()

    def test_formulas(self) -> None:
        # U = ((2, 1), (0, 3)), D = (0.1, -0.2): u = (0, -0.6), q = 0.36
        point = torch.tensor([[0.1, -0.2]], dtype=torch.float64)
        centre = torch.zeros(1, 1, 2, dtype=torch.float64)
        shape = torch.tensor([[[2.0, 1.0, 3.0]]], dtype=torch.float64)
        wanted = {
            "inverse_quadratic": 1.0 / 1.36,
            "gaussian": math.exp(-0.18),
            "inverse_multiquadric": 1.36**-0.5,
            "markov": math.exp(-0.6),
            "tent": 0.4,
        }
        for kernel, value in wanted.items():
            assert reference.responses(point, centre, shape, kernel).item() == pytest.approx(value)

    def test_composition_by_hand(self) -> None:
        values = reference.compose(
            torch.tensor([[0.5, 0.25]]),
            torch.tensor([[2, 0]]),
            torch.tensor([[1.0, 2.0], [9.0, 9.0], [3.0, 4.0]]),
            torch.tensor([0.1, 0.2]),
            torch.tensor([1.0, 8.0]),
        )
        first = 0.1 + 3.0 * math.sin(0.5) + 1.0 * math.sin(0.25)
        second = 0.2 + 4.0 * math.sin(4.0) + 2.0 * math.sin(2.0)
        torch.testing.assert_close(values, torch.tensor([[first, second]]))

    @pytest.mark.parametrize("kernel", SMOOTH)
    @pytest.mark.parametrize("blend", [False, True])
    @pytest.mark.parametrize("d", [2, 3])
    def test_has_true_derivatives_of_both_orders(self, kernel: str, blend: bool, d: int) -> None:
        some = Kernels(d, channels=2, count=40, dtype=torch.float64, blend=blend)
        points = some.points(3)
        near = some.near(points)

        def encode(points: Tensor, centres: Tensor, shapes: Tensor, features: Tensor, bias: Tensor) -> Tensor:
            # Without blending the published normalisation has no true gradient: its sum counts as constant.
            a = reference.activations(points, centres, shapes, some.support, near, kernel, normalise=blend)
            return reference.compose(a, near, features, bias, some.frequencies)

        inputs = tuple(
            t.requires_grad_() for t in (points, some.centres, some.shapes, some.features, some.bias)
        )
        assert torch.autograd.gradcheck(encode, inputs)
        assert torch.autograd.gradgradcheck(encode, inputs)

    def test_markov_is_finite_at_its_centre(self) -> None:
        some = Kernels(2, dtype=torch.float64)
        points = some.centres[:5].clone().requires_grad_()
        features = radial_basis_encode(
            points, some.centres, some.shapes, some.features, kernel="markov", normalise=False
        )
        (slope,) = torch.autograd.grad(features.sum(), points, create_graph=True)
        (bend,) = torch.autograd.grad(slope.square().sum(), points)
        assert slope.isfinite().all() and bend.isfinite().all()


@needs_native
@pytest.mark.parametrize("d", [2, 3, 4])
@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("blend", [False, True])
@pytest.mark.parametrize("normalise", [False, True])
class TestActivationsAgainstReference:
    def test_values_and_both_orders(self, d: int, kernel: str, blend: bool, normalise: bool) -> None:
        some = Kernels(d, blend=blend)
        start = some.points(203)
        near = some.near(start)
        head = torch.randn(203, 6, generator=some.generator)

        def run(dtype: torch.dtype) -> list[Tensor]:
            points = start.to(dtype).requires_grad_()
            weights = head.to(dtype).requires_grad_()
            support = None if some.support is None else some.support.to(dtype)
            arguments = (points, some.centres.to(dtype), some.shapes.to(dtype))
            if dtype == torch.float32:
                values = kernel_activations(*arguments, near, kernel, normalise, support)
            else:
                values = reference.activations(*arguments, support, near, kernel, normalise)
            (slope,) = torch.autograd.grad((values * weights).sum(), points, create_graph=True)
            second = torch.autograd.grad((slope.norm(dim=1) - 1.0).square().sum(), (points, weights))
            return [values, slope, *second]

        for found, expected in zip(run(torch.float32), run(torch.float64)):
            # Near the end of a window, and with it of the sum, float32 has few digits left of the difference.
            assert_near(found.detach(), expected.detach(), 5e-4 if blend else 5e-5)


@needs_native
@pytest.mark.parametrize("channels", [1, 5, 16, 32, 37])
@pytest.mark.parametrize("waves", [True, False])
class TestCompositionAgainstReference:
    @pytest.mark.parametrize("count", [0, 1, 16, 1003])
    @pytest.mark.parametrize("active", [None, 0, 3])
    def test_values(self, channels: int, waves: bool, count: int, active: int | None) -> None:
        some = Kernels(2, channels)
        points = some.points(count)
        near, a = some.near(points), torch.rand(count, 6, generator=some.generator)
        how = (near, some.features, some.bias, some.frequencies if waves else None, active)
        with torch.no_grad():
            assert_near(compose_features(a, *how), reference.compose(a, *how))

    @pytest.mark.parametrize("active", [None, 3])
    def test_both_orders_of_gradients(self, channels: int, waves: bool, active: int | None) -> None:
        some = Kernels(2, channels)
        near = some.near(some.points(203))
        start = torch.rand(203, 6, generator=some.generator)

        def run(compose: object, dtype: torch.dtype) -> list[Tensor]:
            leaves = tuple(t.to(dtype).clone().requires_grad_() for t in (start, some.features, some.bias))
            a, features, bias = leaves
            frequencies = some.frequencies.to(dtype) if waves else None
            values = compose(a, near, features, bias, frequencies, active)  # type: ignore[operator]
            first = torch.autograd.grad(values.tanh().sum(), leaves, create_graph=True)
            loss = sum((0.1 * g).sin().sum() for g in first)
            return [values, *first, *torch.autograd.grad(loss, leaves)]

        runs = run(compose_features, torch.float32), run(reference.compose, torch.float64)
        for found, expected in zip(*runs):
            assert_near(found.detach(), expected.detach(), 5e-5)


@needs_native
class TestNative:
    def test_high_frequencies_are_accurate(self) -> None:
        a = torch.rand(4000, 1, generator=torch.Generator().manual_seed(0))
        near, features = torch.zeros(4000, 1, dtype=torch.int32), torch.ones(1, 16)
        frequencies = torch.logspace(0.0, 12.0, 16, base=2.0)
        found = compose_features(a, near, features, None, frequencies)
        expected = torch.sin(a.double() * frequencies.double())
        # Without a fused multiply-add the product is rounded: 4096 * 2^-24.
        tolerance = 3e-4 if native.status().isa == "generic" else 1e-6
        assert (found - expected).abs().max() < tolerance

    @pytest.mark.parametrize("blend", [False, True])
    def test_a_step_with_a_gradient_loss(self, blend: bool) -> None:
        some = Kernels(3, 16, blend=blend)
        start = some.points(203)

        def run(dtype: torch.dtype) -> list[Tensor]:
            points = start.to(dtype).requires_grad_()
            features, bias = (t.to(dtype).requires_grad_() for t in (some.features, some.bias))
            support = None if some.support is None else some.support.to(dtype)
            fixed = (some.centres.to(dtype), some.shapes.to(dtype))
            values = radial_basis_encode(
                points, *fixed, features, bias, some.frequencies.to(dtype), 6, support=support
            )
            value = values.sin().sum(1)
            (slope,) = torch.autograd.grad(value.sum(), points, create_graph=True)
            loss = (slope.norm(dim=1) - 1.0).square().mean() + value.square().mean()
            return [values, slope, *torch.autograd.grad(loss, (features, bias, points))]

        for found, expected in zip(run(torch.float32), run(torch.float64)):
            assert_near(found.detach(), expected.detach(), 2e-3 if blend else 1e-4)

    def test_learnt_kernels_get_gradients(self) -> None:
        some = Kernels(2)
        points = some.points(50).requires_grad_()
        centres, shapes = some.centres.clone().requires_grad_(), some.shapes.clone().requires_grad_()
        values = radial_basis_encode(points, centres, shapes, some.features, some.bias, some.frequencies)
        (slope,) = torch.autograd.grad(values.sum(), points, create_graph=True)
        for gradient in torch.autograd.grad(slope.square().sum(), (centres, shapes)):
            assert gradient.isfinite().all() and gradient.any()

    def test_threads_do_not_change_a_bit(self) -> None:
        some, threads = Kernels(2, 32), torch.get_num_threads()
        start = some.points(6007)
        lookup = KernelLookup(some.centres)

        def run(count: int) -> list[Tensor]:
            torch.set_num_threads(count)
            points, features = start.clone().requires_grad_(), some.features.clone().requires_grad_()
            values = radial_basis_encode(
                points, some.centres, some.shapes, features, some.bias, some.frequencies, lookup=lookup
            )
            (slope,) = torch.autograd.grad(values.sin().sum(), points, create_graph=True)
            return [values, slope, *torch.autograd.grad(slope.square().sum(), (points, features))]

        try:
            for one, three in zip(run(1), run(3)):
                assert torch.equal(one, three)
        finally:
            torch.set_num_threads(threads)

    def test_takes_what_is_not_contiguous(self) -> None:
        some = Kernels(2)
        points = some.points(50)
        slanted = torch.stack([points, points], dim=2)[:, :, 0]
        wide = torch.cat([some.features, some.features], dim=1)[:, :5]
        assert not slanted.is_contiguous() and not wide.is_contiguous()
        how = (some.bias, some.frequencies)
        expected = radial_basis_encode(points, some.centres, some.shapes, some.features, *how)
        assert torch.equal(radial_basis_encode(slanted, some.centres, some.shapes, wide, *how), expected)

    def test_every_variant_of_the_kernels_agrees(self, monkeypatch: pytest.MonkeyPatch) -> None:
        import importlib

        some = Kernels(3, 19, blend=True)
        points = some.points(301)
        how = (some.centres, some.shapes, some.features, some.bias, some.frequencies, 6)
        expected = radial_basis_encode(points.double(), *(t.double() for t in how[:5]), 6)  # type: ignore[attr-defined]
        tried = 0
        for isa in ("generic", "avx2", native.status().isa):
            try:
                module = importlib.import_module(f"neurfield._native_{isa}")
            except ImportError:
                continue
            if isa == "avx2" and native.status().isa == "generic":
                continue
            monkeypatch.setattr(native, "module", module)
            assert_near(radial_basis_encode(points, *how), expected, 1e-5)
            tried += 1
        assert tried > 0


def test_inactive_channels_are_exact_zeros_and_learn_nothing() -> None:
    some = Kernels(2)
    points, features = some.points(33).requires_grad_(), some.features.requires_grad_()
    bias = some.bias.requires_grad_()
    values = radial_basis_encode(
        points, some.centres, some.shapes, features, bias, some.frequencies, active_channels=2
    )
    assert torch.equal(values[:, 2:], torch.zeros(33, 3))
    values.square().sum().backward()
    assert features.grad is not None and bias.grad is not None
    assert not features.grad[:, 2:].any() and features.grad[:, :2].any()
    assert not bias.grad[2:].any() and bias.grad[:2].any()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("points", torch.zeros(4, 5)),
        ("centres", torch.zeros(300, 3)),
        ("shapes", torch.zeros(300, 2)),
        ("features", torch.zeros(299, 5)),
        ("bias", torch.zeros(4)),
        ("frequencies", torch.zeros(4)),
        ("support", torch.zeros(4)),
        ("neighbours", 9),
        ("neighbours", 0),
        ("kernel", "cubic"),
    ],
)
def test_says_what_is_wrong(name: str, value: object) -> None:
    some = Kernels(2)
    arguments = {
        "points": some.points(4),
        "centres": some.centres,
        "shapes": some.shapes,
        "features": some.features,
        name: value,
    }
    with pytest.raises(ValueError, match=f"radial_basis_encode: {name} must be"):
        radial_basis_encode(**arguments)  # type: ignore[arg-type]
