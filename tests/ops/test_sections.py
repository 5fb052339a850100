"""Sections of rays: native kernels against their reference, and the reference against finite differences."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from neurfield.ops import native
from neurfield.ops.reference import sections as reference
from neurfield.ops.sections import composite_surface, section_midpoints, section_opacity

COUNTS = [[], [0], [1], [5, 0, 3], [0, 33, 31, 7, 0], [700, 1, 2400]]
needs_native = pytest.mark.skipif(native.module is None, reason="no native kernels here")


def sections(counts: list[int], dtype: torch.dtype = torch.float32) -> dict[str, Tensor]:
    """Random rays with so many sections each, near and far on both sides of a surface."""
    random = torch.Generator().manual_seed(0)
    rays, total = len(counts), sum(counts)

    def draw(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=random, dtype=torch.float64).to(dtype)

    number = torch.tensor(counts, dtype=torch.int64)
    t_starts = draw(total).abs()
    gradient = draw(total, 3)
    gradient[::7] *= 1e-3
    return {
        "sdf": 0.1 * draw(total) * 10.0 ** draw(total).clamp(-2, 1),
        "gradient": gradient,
        "t_starts": t_starts,
        "t_ends": t_starts + 0.05 * draw(total).abs(),
        "origins": draw(rays, 3),
        "directions": torch.nn.functional.normalize(draw(rays, 3), dim=1) if rays else draw(0, 3),
        "ray_indices": torch.arange(rays).repeat_interleave(number),
        "packed_info": torch.stack([number.cumsum(0) - number, number], dim=1),
        "rgb": draw(total, 3).sigmoid(),
        "normal": draw(total, 3),
        "alpha": draw(total).sigmoid(),
    }


@needs_native
@pytest.mark.parametrize("counts", COUNTS)
@pytest.mark.parametrize("extra", [None, 0, 9])
def test_midpoints(counts: list[int], extra: int | None) -> None:
    s = sections(counts)
    rays = s["origins"], s["directions"], s["ray_indices"], s["t_starts"], s["t_ends"]
    more = None if extra is None else torch.rand(extra, 3)
    points, t = section_midpoints(*rays, more)
    expected, expected_t = reference.midpoints(*rays)
    torch.testing.assert_close(points[: len(t)], expected)
    torch.testing.assert_close(t, expected_t)
    if more is not None:
        assert torch.equal(points[len(t) :], more)


def asked(s: dict[str, Tensor], **how: Any) -> list[Tensor]:
    """Alpha, normal, and the gradients of a loss that sees both."""
    leaves = [s["sdf"].detach().clone(), s["gradient"].detach().clone()]
    width = how.pop("width")
    width = torch.tensor([width], dtype=s["sdf"].dtype)
    leaves.append(width)
    for leaf in leaves:
        leaf.requires_grad_()
    fixed = s["t_starts"], s["t_ends"], s["directions"], s["ray_indices"]
    alpha, normal = section_opacity(leaves[0], leaves[1], *fixed, width=width, **how)
    random = torch.Generator().manual_seed(1)
    by_alpha = torch.randn(alpha.shape, generator=random).to(alpha)
    by_normal = torch.randn(normal.shape, generator=random).to(alpha)
    ((alpha * by_alpha).sum() + (normal * by_normal).sum()).backward()
    return [alpha.detach(), normal.detach(), *(leaf.grad for leaf in leaves if leaf.grad is not None)]


@needs_native
@pytest.mark.parametrize("counts", COUNTS)
@pytest.mark.parametrize(
    "how",
    [
        {"kind": "neus", "width": 0.02},
        {"kind": "neus", "width": 0.3, "anneal": 0.4},
        {"kind": "volsdf", "width": 0.02},
        {"kind": "volsdf", "width": 0.3},
    ],
)
def test_opacity(counts: list[int], how: dict[str, Any]) -> None:
    s = sections(counts)
    found = asked(s, **how)
    expected = asked({name: t.double() if t.is_floating_point() else t for name, t in s.items()}, **how)
    assert len(found) == len(expected) == 5
    for ours, theirs in zip(found, expected):
        # Entry and exit are near each other: their float32 difference is what limits both sides.
        scale = float(theirs.abs().max()) if theirs.numel() else 1.0
        torch.testing.assert_close(ours.double(), theirs, rtol=2e-3, atol=1e-4 * max(1.0, scale))


@needs_native
@pytest.mark.parametrize("kind", ["neus", "volsdf"])
def test_opacity_far_from_the_surface(kind: str) -> None:
    sdf = torch.tensor([-1e3, -1.0, -1e-6, 0.0, 1e-6, 1.0, 1e3], requires_grad=True)
    gradient = torch.tensor([[0.0, 0.0, -1.0]]).repeat(7, 1).requires_grad_()
    fixed = torch.zeros(7), torch.full((7,), 0.01), torch.tensor([[0.0, 0.0, 1.0]]), torch.zeros(7).long()
    alpha, _ = section_opacity(sdf, gradient, *fixed, kind=kind, width=1e-3)
    alpha.sum().backward()
    assert ((alpha >= 0) & (alpha <= 1)).all() and alpha[0] > 0.99 and alpha[-1] == 0.0
    assert sdf.grad is not None and torch.isfinite(sdf.grad).all()


@needs_native
@pytest.mark.parametrize("kind", ["neus", "volsdf"])
@pytest.mark.parametrize("anneal", [1.0, 0.3])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_opacity_is_no_number_where_the_reference_says_so(kind: str, anneal: float, value: float) -> None:
    # Every input in turn, in some places of a tile; the others are as without.
    s = sections([40, 30])
    clean, _ = section_opacity(*arguments(s), kind=kind, width=0.05, anneal=anneal)
    for name in ("sdf", "gradient", "t_starts", "t_ends"):
        odd = {**s, name: s[name].clone()}
        odd[name][3::11] = value
        if name == "gradient":
            odd[name][3::11, 1:] = s[name][3::11, 1:]
        alpha, normal = section_opacity(*arguments(odd), kind=kind, width=0.05, anneal=anneal)
        wanted = reference.opacity(*arguments(odd), kind, 0.05, anneal)
        assert torch.equal(alpha.isnan(), wanted[0].isnan())
        assert torch.equal(normal.isnan(), wanted[1].isnan())
        others = torch.ones(70, dtype=torch.bool)
        others[3::11] = False
        assert torch.equal(alpha[others], clean[others])


def arguments(s: dict[str, Tensor]) -> tuple[Tensor, ...]:
    return tuple(s[n] for n in ("sdf", "gradient", "t_starts", "t_ends", "directions", "ray_indices"))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_unknown_opacities_and_impossible_widths_are_refused(dtype: torch.dtype) -> None:
    s = sections([3], dtype)
    for kind, hint in (("nues", "mean 'neus'"), ("Neus", "mean 'neus'"), ("laplace", "must be")):
        with pytest.raises(ValueError, match=hint):
            section_opacity(*arguments(s), kind=kind, width=0.1)
    for width in (0.0, -0.1, float("nan"), float("inf")):
        for given in (width, torch.tensor([width], dtype=dtype)):
            with pytest.raises(ValueError, match="width must be positive"):
                section_opacity(*arguments(s), kind="volsdf", width=given)
    with pytest.raises(ValueError, match="one number"):
        section_opacity(*arguments(s), kind="neus", width=torch.ones(3, dtype=dtype))


@needs_native
def test_opacity_takes_slices_and_nothing() -> None:
    s = sections([5, 0, 3])
    wide = torch.stack([s["sdf"], s["sdf"]], dim=1)
    fixed = s["t_starts"], s["t_ends"], s["directions"], s["ray_indices"]
    ours = section_opacity(wide[:, 0], s["gradient"].T.contiguous().T, *fixed, kind="neus", width=0.1)
    theirs = reference.opacity(s["sdf"], s["gradient"], *fixed, "neus", 0.1, 1.0)
    for a, b in zip(ours, theirs):
        torch.testing.assert_close(a, b, atol=2e-5, rtol=1e-4)


@needs_native
def test_a_ray_that_does_not_exist_is_refused() -> None:
    s = sections([2, 2])
    s["ray_indices"][1] = 2
    with pytest.raises(ValueError, match="ray_indices"):
        asked(s, kind="neus", width=0.1)
    with pytest.raises(ValueError, match="ray_indices"):
        section_midpoints(s["origins"], s["directions"], -s["ray_indices"], s["t_starts"], s["t_ends"])


@needs_native
@pytest.mark.parametrize("counts", COUNTS)
def test_composite_surface(counts: list[int]) -> None:
    def both(s: dict[str, Tensor]) -> list[Tensor]:
        leaves = [s[name].detach().clone().requires_grad_() for name in ("alpha", "rgb", "normal")]
        out, weights = composite_surface(*leaves, s["t_starts"], s["packed_info"])
        factor = torch.linspace(-1.0, 1.0, out.numel()).view_as(out).to(out)
        (out * factor).sum().backward()
        return [out.detach(), weights, *(leaf.grad for leaf in leaves if leaf.grad is not None)]

    s = sections(counts)
    s["alpha"][::5] = 1.0
    found = both(s)
    expected = both({name: t.double() if t.is_floating_point() else t for name, t in s.items()})
    assert len(found) == 5 and not found[1].requires_grad
    for ours, theirs in zip(found, expected):
        torch.testing.assert_close(ours.double(), theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", ["neus", "volsdf"])
def test_the_reference_against_finite_differences(kind: str) -> None:
    s = sections([4, 3], torch.float64)

    def through(sdf: Tensor, gradient: Tensor, rgb: Tensor) -> Tensor:
        fixed = s["t_starts"], s["t_ends"], s["directions"], s["ray_indices"]
        alpha, normal = section_opacity(sdf, gradient, *fixed, kind=kind, width=0.3, anneal=0.5)
        return composite_surface(alpha, rgb, normal, s["t_starts"], s["packed_info"])[0]

    leaves = [s[name].clone().requires_grad_() for name in ("sdf", "gradient", "rgb")]
    leaves[1] = torch.nn.functional.normalize(leaves[1].detach(), dim=1).requires_grad_()
    assert torch.autograd.gradcheck(through, leaves)


@needs_native
@pytest.mark.parametrize("kind", ["neus", "volsdf"])
def test_threads_do_not_change_a_bit(kind: str) -> None:
    threads, s = torch.get_num_threads(), sections([700, 1, 2400, 8000])
    try:
        torch.set_num_threads(1)
        one = asked(s, kind=kind, width=0.05)
        torch.set_num_threads(3)
        three = asked(s, kind=kind, width=0.05)
    finally:
        torch.set_num_threads(threads)
    assert all(torch.equal(a, b) for a, b in zip(one, three))
