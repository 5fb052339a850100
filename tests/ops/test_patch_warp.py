"""Patches warped by a plane: the kernel against its specification, that against differences, both against a
wall whose pictures are known."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize

from neurfield.ops import native
from neurfield.ops.patch_warp import WarpedPatches, _planes_of, patch_warp
from neurfield.ops.reference import patch_warp as specification
from neurfield.ops.stereo_pictures import StereoPictures
from tests.ops.test_stereo_pictures import turned

needs_native = pytest.mark.skipif(native.module is None, reason="no native kernels here")
HEIGHT, WIDTH, FOCAL = 80, 104, 70.0
DEPTH, LEAN = 2.0, 0.3  # the wall z = DEPTH + LEAN x, in the first camera's axes
NORMAL = normalize(torch.tensor([LEAN, 0.0, -1.0]), dim=0)


def painted(x: Tensor, y: Tensor) -> Tensor:
    """Grey levels of the wall."""
    return 120.0 + 40.0 * torch.sin(9.0 * x + 2.0) * torch.cos(7.0 * y) + 30.0 * torch.sin(5.0 * x + 11.0 * y)


def wall(paint: object = painted, far: float = 0.0) -> StereoPictures:
    """Four pictures of the wall."""
    centers = torch.tensor([[0.0, 0.0, 0.0], [0.3, 0.05, 0.1], [-0.25, -0.2, 0.0], [0.1, 0.3, -0.1]]).double()
    turns = [torch.eye(3).double(), turned(1, -0.1), turned(0, 0.08) @ turned(2, 0.2), turned(0, -0.1)]
    v, u = torch.meshgrid(torch.arange(HEIGHT) + 0.5, torch.arange(WIDTH) + 0.5, indexing="ij")
    rays = torch.stack([(u - WIDTH / 2) / FOCAL, (v - HEIGHT / 2) / FOCAL, torch.ones_like(u)], -1).double()
    poses, grey = torch.eye(4, dtype=torch.float64).repeat(4, 1, 1), []
    for pose, turn, center in zip(poses, turns, centers):
        along = rays @ turn.T
        t = (DEPTH + LEAN * center[0] - center[2]) / (along[..., 2] - LEAN * along[..., 0])
        points = center + t[..., None] * along
        grey.append(paint(points[..., 0], points[..., 1]))  # type: ignore[operator]
        pose[:3, :3], pose[:3, 3] = turn.T, -turn.T @ (center + far)
    lens = torch.tensor([FOCAL, FOCAL, WIDTH / 2, HEIGHT / 2]).repeat(4, 1)
    return StereoPictures(torch.stack(grey).round().clamp(0, 255).to(torch.uint8), lens, poses)


def middles(count: int, margin: float = 28.0) -> Tensor:
    share = torch.rand(count, 2, generator=torch.Generator().manual_seed(count))
    return margin + share * (torch.tensor([WIDTH, HEIGHT]) - 2.0 * margin)


def on_wall(uv: Tensor) -> tuple[Tensor, Tensor]:
    """Depth and normal of the wall at pixels of the first picture."""
    return DEPTH / (1.0 - LEAN * (uv[:, 0] - WIDTH / 2) / FOCAL), NORMAL.expand(len(uv), 3)


def at_depth(pictures: StereoPictures, uv: Tensor, factor: float = 1.0, **how: float) -> WarpedPatches:
    """The first picture's patches, at a factor times the true depth, in all others."""
    depth, normal = on_wall(uv)
    sources = torch.tensor([[1, 2, 3]]).expand(len(uv), 3)
    reference = torch.zeros(len(uv), dtype=torch.int64)
    return patch_warp(pictures, reference, uv, factor * depth, normal, sources, **how)  # type: ignore[arg-type]


def questions(pictures: StereoPictures, count: int) -> tuple[Tensor, ...]:
    """Patches anywhere, on planes that may be anything, in any pictures or none."""
    generator = torch.Generator().manual_seed(count + 1)
    reference = torch.randint(4, (count,), generator=generator)
    sources = torch.randint(-1, 4, (count, 3), generator=generator)
    uv = torch.rand(count, 2, generator=generator) * torch.tensor([WIDTH, HEIGHT])
    depth = 1.4 + 1.2 * torch.rand(count, generator=generator)
    normal = torch.randn(count, 3, generator=generator) * 0.4 - torch.tensor([0.0, 0.0, 1.0])
    return reference, uv, depth, normal, sources


def background(pictures: StereoPictures) -> StereoPictures:
    inside = torch.ones_like(pictures.grey, dtype=torch.bool)
    inside[:, :, :20] = False
    gain = torch.tensor([1.0, 1.1, 0.9, 1.3])
    return dataclasses.replace(pictures, inside=inside, gain=gain)


@needs_native
@pytest.mark.parametrize("count", [0, 1, 17, 400])
@pytest.mark.parametrize(("radius", "spacing"), [(5, 2), (3, 1), (1, 1), (5, 1)])
def test_native_is_the_reference(
    monkeypatch: pytest.MonkeyPatch, count: int, radius: int, spacing: int
) -> None:
    pictures = background(wall())
    reference, uv, depth, normal, sources = questions(pictures, count)
    results = []
    for way in ("native", "reference"):
        if way == "reference":
            monkeypatch.setattr(native, "kernels", lambda *_, **__: None)
        leaves = depth.clone().requires_grad_(), normal.clone().requires_grad_()
        found = patch_warp(
            pictures, reference, uv, *leaves, sources, radius=radius, spacing=spacing, absolute=0.7
        )  # fmt: skip
        (found.cost * torch.arange(1.0, 4.0)).sum().backward()
        results.append((*found, *(leaf.grad for leaf in leaves)))
    (cost, valid, texture, by_depth, by_normal), expected = results
    assert torch.equal(valid, expected[1])
    if count == 400:
        assert 0.1 < valid.float().mean() < 0.9
    torch.testing.assert_close(cost, expected[0], atol=2e-4, rtol=1e-4)
    torch.testing.assert_close(texture, expected[2], atol=1e-4, rtol=1e-4)
    # A tap within rounding of a pixel's border has the slope of either side.
    for slope, true in ((by_depth, expected[3]), (by_normal, expected[4])):
        off = (slope - true).abs() > 1e-3 + 5e-3 * true.abs()
        assert off.sum() <= 0.01 * off.numel()


@needs_native
def test_what_is_not_contiguous_is_taken() -> None:
    pictures = wall()
    reference, uv, depth, normal, sources = questions(pictures, 40)
    straight = patch_warp(pictures, reference, uv, depth, normal, sources)
    strided = [t.repeat_interleave(2, dim=0)[::2] for t in (reference, uv, depth, normal)]
    other = patch_warp(pictures, *strided, sources.T.contiguous().T)  # type: ignore[arg-type]
    assert torch.equal(straight.cost, other.cost) and torch.equal(straight.valid, other.valid)


def test_derivatives_are_those_of_differences() -> None:
    pictures = background(wall())
    uv = middles(30).double()
    depth, normal = (t.double() for t in on_wall(uv.float()))
    depth, normal = 1.01 * depth, normal + torch.tensor([0.05, -0.1, 0.02])
    reference, source = torch.zeros(30, dtype=torch.int64), torch.tensor([[1, 3]]).repeat(30, 1)
    keys = torch.tensor([[0, 1]]).repeat(30, 1)
    pairs = pictures.pair(torch.tensor([0, 0]), torch.tensor([1, 3]), torch.float64)
    lens = pictures.lens[reference].double()

    def costs(depth: Tensor, normal: Tensor) -> Tensor:
        planes = _planes_of(lens, uv, depth, normal)
        cost, valid, _ = specification.patch_warp(
            pictures.quads & 255, pictures.gains, *pairs, reference, uv, planes, source, keys, 5, 2, 0.7
        )
        assert valid.float().mean() > 0.9
        return cost.sum(dim=1)

    leaves = depth.clone().requires_grad_(), normal.clone().requires_grad_()
    costs(*leaves).sum().backward()
    step = 1e-7
    by_difference = (costs(depth + step, normal) - costs(depth - step, normal)) / (2.0 * step)
    torch.testing.assert_close(leaves[0].grad, by_difference, atol=1e-5, rtol=1e-5)
    assert by_difference.abs().median() > 0.1
    for axis in range(3):
        offset = step * torch.eye(3, dtype=torch.float64)[axis]
        by_difference = (costs(depth, normal + offset) - costs(depth, normal - offset)) / (2.0 * step)
        torch.testing.assert_close(leaves[1].grad[:, axis], by_difference, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("far", [0.0, 1e6])
def test_the_true_surface_costs_least_and_pulls_from_both_sides(far: float) -> None:
    pictures, uv = wall(far=far), middles(60)
    factors = (0.97, 0.985, 1.0, 1.015, 1.03)
    costs = torch.stack([at_depth(pictures, uv, factor).cost.mean(dim=1) for factor in factors])
    assert (costs.argmin(dim=0) == 2).all() and costs[2].max() < 0.03
    for factor, sign in ((0.985, -1.0), (1.015, 1.0)):
        depth, normal = on_wall(uv)
        depth = (factor * depth).requires_grad_()
        sources = torch.tensor([[1, 2, 3]]).expand(len(uv), 3)
        patch_warp(
            pictures, torch.zeros(60, dtype=torch.int64), uv, depth, normal, sources
        ).cost.sum().backward()
        assert (sign * depth.grad > 0).all()  # type: ignore[operator]


def test_the_true_normal_costs_least() -> None:
    pictures, uv = wall(), middles(60)
    depth, normal = on_wall(uv)
    sources = torch.tensor([[1, 2, 3]]).expand(len(uv), 3)
    reference = torch.zeros(60, dtype=torch.int64)
    true = patch_warp(pictures, reference, uv, depth, normal, sources).cost.mean()
    for lean in torch.tensor([[0.3, 0.0, 0.0], [-0.3, 0.0, 0.0], [0.0, 0.3, 0.0], [0.0, -0.3, 0.0]]):
        assert patch_warp(pictures, reference, uv, depth, normal + lean, sources).cost.mean() > 1.5 * true
    # Neither sign nor length of the normal says anything.
    torch.testing.assert_close(
        patch_warp(pictures, reference, uv, depth, -3.0 * normal, sources).cost.mean(), true
    )


def test_texture_is_what_a_ramp_has_not() -> None:
    uv = middles(40)
    ramp = wall(lambda x, y: 120.0 + 40.0 * x + 25.0 * y)
    assert at_depth(ramp, uv).texture.max() < 0.05 and at_depth(wall(), uv).texture.min() > 0.8
    # A ramp correlates with itself at every depth; its differences still tell.
    wrong, right = (at_depth(ramp, uv, factor).cost.mean(dim=1) for factor in (1.1, 1.0))
    assert (wrong > 2.0 * right).float().mean() > 0.8
    assert (at_depth(ramp, uv, 1.1, absolute=0.0).cost < 0.02).all()


def test_gains_make_pictures_comparable() -> None:
    pictures = wall(lambda x, y: 100.0 + 40.0 * x + 0.0 * y)  # plain: differences alone
    darker = dataclasses.replace(pictures, grey=pictures.grey.clone(), gain=torch.ones(4))
    darker.grey[1:] = (pictures.grey[1:].float() / 1.25).round().to(torch.uint8)
    uv = middles(20)
    as_it_is = at_depth(darker, uv).cost.mean()
    gained = dataclasses.replace(darker, gain=torch.tensor([1.0, 1.25, 1.25, 1.25]))
    assert at_depth(gained, uv).cost.mean() < 0.1 * as_it_is


def test_what_leaves_the_pictures_or_is_background_is_not_valid() -> None:
    pictures = wall()
    assert at_depth(pictures, middles(30)).valid.all()
    edge = torch.tensor([[4.0, 30.0], [WIDTH - 5.0, 30.0], [40.0, 5.4], [40.0, HEIGHT - 5.0]])
    found = at_depth(pictures, edge)
    assert not found.valid.any() and (found.cost == 1.0).all() and (found.texture == 0.0).all()
    masked = background(pictures)
    assert not at_depth(masked, torch.tensor([[24.0, 30.0]])).valid.any()
    none = patch_warp(
        pictures, torch.tensor([0]), torch.tensor([[42.0, 30.0]]), torch.tensor([2.0]), NORMAL[None],
        torch.tensor([[-1, 1]]),
    )  # fmt: skip
    assert none.valid.tolist() == [[False, True]]


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -1.0, 0.0])
def test_a_depth_that_is_none_is_not_valid(bad: float) -> None:
    depth = torch.tensor([bad], requires_grad=True)
    found = patch_warp(
        wall(), torch.tensor([0]), torch.tensor([[42.0, 30.0]]), depth, NORMAL[None], torch.tensor([[1]])
    )
    assert not found.valid.any() and found.cost.item() == 1.0


def test_bad_arguments_are_named() -> None:
    pictures = wall()
    good = {
        "reference": torch.tensor([0]), "uv": torch.tensor([[42.0, 30.0]]), "depth": torch.tensor([2.0]),
        "normal": NORMAL[None], "sources": torch.tensor([[1]]),
    }  # fmt: skip
    for name, value, what in (
        ("uv", torch.zeros(2, 2), "uv must be"), ("normal", torch.zeros(1, 2), "normal must be"),
        ("sources", torch.tensor([[4]]), "sources names"),
        ("reference", torch.tensor([-1]), "reference names"),
        ("sources", torch.zeros(1, 0, dtype=torch.int64), "at least 1"), ("radius", 12, "taps"),
        ("spacing", 0, "at least 1"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=what):
            patch_warp(pictures, **{**good, name: value})  # type: ignore[arg-type]
