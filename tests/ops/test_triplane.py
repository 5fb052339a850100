"""Tri-planes: the reference by what it must be, and the native kernels held against it."""

from __future__ import annotations

import importlib
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from neurfield.ops import native
from neurfield.ops import triplane as op
from neurfield.ops.reference import triplane as reference
from neurfield.ops.triplane import PlaneLayout, triplane_encode

needs_native = pytest.mark.skipif(native.module is None, reason="no native kernels here")

COMBINATIONS = ("sum", "product", "concatenation")
LAYOUTS = [
    *(PlaneLayout(3, (5, 9), 4, combination) for combination in COMBINATIONS),
    *(PlaneLayout(dimensions, (7,), 12, "sum", False) for dimensions in (2, 3, 4)),
    *(PlaneLayout(3, (2, 6), features, "concatenation") for features in (1, 2, 8, 16, 32)),
    PlaneLayout(4, (4, 6), 8, "product", False),
]


def texels_of(layout: PlaneLayout, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.randn(layout.n_parameters, generator=torch.Generator().manual_seed(0), dtype=dtype)


def some_points(
    count: int, dimensions: int, low: float = -0.2, high: float = 1.2, dtype: torch.dtype = torch.float32
) -> Tensor:
    unit = torch.rand(count, dimensions, generator=torch.Generator().manual_seed(1), dtype=dtype)
    return low + (high - low) * unit


def assert_near(found: Tensor, expected: Tensor, tolerance: float = 3e-6) -> None:
    """Equal up to the rounding of sums: relative to the largest value."""
    assert found.shape == expected.shape
    scale = float(expected.abs().max()) if expected.numel() else 1.0
    torch.testing.assert_close(found, expected, atol=tolerance * scale, rtol=0.0)


class TestReference:
    """The specification itself, in float64."""

    @pytest.mark.parametrize("align_corners", [True, False])
    def test_is_grid_sample(self, align_corners: bool) -> None:
        layout = PlaneLayout(3, (6,), 4, "concatenation", align_corners)
        texels, points = texels_of(layout, torch.float64), some_points(50, 3, dtype=torch.float64)
        planes = texels.view(3, 6, 6, 4).permute(0, 3, 1, 2)
        pairs = torch.stack([points[:, list(pair)] for pair in layout.pairs]) * 2.0 - 1.0
        expected = torch.nn.functional.grid_sample(
            planes, pairs.unsqueeze(1), padding_mode="border", align_corners=align_corners
        )  # [3, C, 1, N]
        found = reference.encode(points, texels, layout).view(-1, 3, 4)
        torch.testing.assert_close(found, expected[:, :, 0].permute(2, 0, 1))

    def test_gives_a_texel_itself(self) -> None:
        layout = PlaneLayout(2, (5,), 2)
        texels = texels_of(layout)
        points = torch.tensor([[3 / 4, 1 / 4], [1.0, 1.0], [0.0, 1.0]])
        expected = texels.view(5, 5, 2)[[1, 4, 4], [3, 4, 0]]
        for interpolation in op.INTERPOLATIONS:
            torch.testing.assert_close(reference.encode(points, texels, layout, interpolation), expected)

    @pytest.mark.parametrize("combination", COMBINATIONS)
    @pytest.mark.parametrize("dimensions", [2, 3, 4])
    @pytest.mark.parametrize("interpolation", op.INTERPOLATIONS)
    def test_has_true_derivatives_of_both_orders(
        self, dimensions: int, combination: str, interpolation: str
    ) -> None:
        layout = PlaneLayout(dimensions, (3, 4), 1, combination)
        points = some_points(3, dimensions, 0.02, 0.98, torch.float64).requires_grad_()
        texels = texels_of(layout, torch.float64).requires_grad_()

        def encode(points: Tensor, texels: Tensor) -> Tensor:
            return triplane_encode(points, texels, layout, interpolation)

        assert torch.autograd.gradcheck(encode, (points, texels))
        assert torch.autograd.gradgradcheck(encode, (points, texels))


@needs_native
@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
@pytest.mark.parametrize("interpolation", op.INTERPOLATIONS)
class TestNativeAgainstReference:
    @pytest.mark.parametrize("count", [0, 1, 16, 1003])
    @pytest.mark.parametrize("active", [None, 0, 1])
    def test_values(self, layout: PlaneLayout, interpolation: str, count: int, active: int | None) -> None:
        points, texels = some_points(count, layout.dimensions), texels_of(layout)
        how = (layout, interpolation, active)
        assert_near(triplane_encode(points, texels, *how), reference.encode(points, texels, *how))

    @pytest.mark.parametrize("count", [0, 1, 203])
    def test_both_orders_of_gradients(self, layout: PlaneLayout, interpolation: str, count: int) -> None:
        def gradients(encode: Callable[..., Tensor]) -> list[Tensor]:
            points = some_points(count, layout.dimensions).requires_grad_()
            texels = texels_of(layout).requires_grad_()
            features = encode(points, texels, layout, interpolation)
            head = torch.linspace(-1.0, 1.0, layout.output_dim).requires_grad_()
            value = (features * head).sum(1).tanh()
            by_both = torch.autograd.grad(value.sum(), (points, texels), create_graph=True)
            eikonal = ((by_both[0].norm(dim=1) - 1.0) ** 2).sum() + by_both[1].square().sum()
            return [features, *by_both, *torch.autograd.grad(eikonal, (points, texels, head))]

        for found, expected in zip(gradients(triplane_encode), gradients(reference.encode)):
            assert_near(found.detach(), expected.detach(), 3e-5)

    def test_threads_do_not_change_a_bit(self, layout: PlaneLayout, interpolation: str) -> None:
        threads = torch.get_num_threads()

        def run(count: int) -> list[Tensor]:
            torch.set_num_threads(count)
            points = some_points(20011, layout.dimensions).requires_grad_()
            texels = texels_of(layout).requires_grad_()
            features = triplane_encode(points, texels, layout, interpolation)
            return [features, *torch.autograd.grad(features.square().sum(), (points, texels))]

        try:
            for one, two in zip(run(1), run(2)):
                assert torch.equal(one, two)
        finally:
            torch.set_num_threads(threads)


def test_outside_is_the_border_and_has_no_slope() -> None:
    layout = PlaneLayout(3, (6,), 4)
    points = torch.tensor([[1.7, 0.5, -3.0], [1.0, 0.5, 0.0]]).requires_grad_()
    features = triplane_encode(points, texels_of(layout), layout)
    torch.testing.assert_close(features[0], features[1])
    (slope,) = torch.autograd.grad(features[0].sum(), points)
    assert slope[0, 0] == 0.0 and slope[0, 2] == 0.0 and slope[0, 1] != 0.0


def test_an_inactive_level_is_exactly_zero_and_learns_nothing() -> None:
    layout = PlaneLayout(3, (4, 8, 16), 4)
    points, texels = some_points(33, 3).requires_grad_(), texels_of(layout).requires_grad_()
    features = triplane_encode(points, texels, layout, active_levels=2)
    assert torch.equal(features[:, 8:], torch.zeros(33, 4))
    features.square().sum().backward()
    assert texels.grad is not None
    assert not texels.grad[layout.offsets[2] :].any() and texels.grad[: layout.offsets[2]].any()


def test_takes_points_that_are_not_contiguous() -> None:
    layout, points = PlaneLayout(3, (6,), 4), some_points(50, 3)
    slanted = torch.stack([points, points], dim=2)[:, :, 0]
    texels = texels_of(layout)
    assert not slanted.is_contiguous()
    assert torch.equal(triplane_encode(slanted, texels, layout), triplane_encode(points, texels, layout))


@needs_native
def test_every_variant_of_the_kernels_agrees(monkeypatch: pytest.MonkeyPatch) -> None:
    layout, tried = PlaneLayout(3, (5, 9), 16), 0
    results = []
    for isa in ("generic", "avx2", "avx512"):
        if isa != native.status().isa and (isa == "avx512" or native.status().isa == "generic"):
            continue
        try:
            module = importlib.import_module(f"neurfield._native_{isa}")
        except ImportError:
            continue
        monkeypatch.setattr(native, "module", module)
        op._native_planes.cache_clear()
        points, texels = some_points(301, 3).requires_grad_(), texels_of(layout).requires_grad_()
        features = triplane_encode(points, texels, layout, "smoothstep")
        by_both = torch.autograd.grad(features.square().sum(), (points, texels), create_graph=True)
        again = torch.autograd.grad(by_both[0].square().sum(), (points, texels))
        results.append([t.detach() for t in (features, *by_both, *again)])
        tried += 1
    monkeypatch.undo()
    op._native_planes.cache_clear()
    assert tried > 0
    for result in results[1:]:
        for found, expected in zip(result, results[0]):
            assert_near(found, expected, 3e-5)


@pytest.mark.parametrize(
    ("points", "match"),
    [
        (torch.zeros(4, 2), r"points must be \[N, 3\], got \[4, 2\]"),
        (torch.zeros(4, 3).double(), "points must be torch.float32, got torch.float64"),
        (torch.tensor([[0.0, 0.0, 0.0], [0.5, float("nan"), 0.1]]), r"points\[1\] is not finite"),
    ],
)
def test_says_what_is_wrong_with_points(points: Tensor, match: str) -> None:
    layout = PlaneLayout()
    with pytest.raises(ValueError, match=match):
        triplane_encode(points, texels_of(layout), layout)


@pytest.mark.parametrize(
    "wrong",
    [{"dimensions": 5}, {"features": 3}, {"resolutions": ()}, {"resolutions": (1,)}, {"combination": "mean"}],
)
def test_says_what_it_cannot_lay_out(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=f"PlaneLayout: {next(iter(wrong))} must be"):
        PlaneLayout(**wrong)  # type: ignore[arg-type]


def test_refuses_texels_of_another_layout() -> None:
    layout = PlaneLayout(3, (4,), 4)
    with pytest.raises(ValueError, match="texels must be"):
        triplane_encode(torch.zeros(1, 3), texels_of(layout)[1:], layout)
    with pytest.raises(ValueError, match="interpolation must be"):
        triplane_encode(torch.zeros(1, 3), texels_of(layout), layout, "cubic")
