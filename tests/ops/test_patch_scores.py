"""Patches across views: the kernel against its specification, and both against a plane whose picture is
known."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from neurfield.ops import native
from neurfield.ops.patch_scores import NOWHERE, PatchViews, patch_scores
from neurfield.ops.reference import patch_scores as reference

needs_native = pytest.mark.skipif(native.module is None, reason="no native kernels here")
HEIGHT, WIDTH, FOCAL, FOCAL_Y = 40, 60, 50.0, 46.0
PLANE = 2.0  # z of a wall across the first camera's axis


def rotation(axis: int, angle: float) -> Tensor:
    a, b = (axis + 1) % 3, (axis + 2) % 3
    turn = torch.eye(3, dtype=torch.float64)
    turn[a, a] = turn[b, b] = math.cos(angle)
    turn[a, b], turn[b, a] = -math.sin(angle), math.sin(angle)
    return turn


def wall(x: Tensor, y: Tensor) -> Tensor:
    """What is painted on the plane z = PLANE + 0.3 x."""
    return 100.0 + 30.0 * torch.sin(9.0 * x + 2.0) * torch.cos(7.0 * y) + 20.0 * torch.sin(5.0 * x + 11.0 * y)


def views_of_a_wall() -> PatchViews:
    turns = torch.stack(
        [torch.eye(3, dtype=torch.float64), rotation(1, -0.1), rotation(0, 0.08) @ rotation(2, 0.2)]
    )
    centers = torch.tensor([[0.0, 0.0, 0.0], [0.3, 0.05, 0.1], [-0.2, -0.2, 0.0]], dtype=torch.float64)
    lens = torch.tensor([FOCAL, FOCAL_Y, WIDTH / 2, HEIGHT / 2], dtype=torch.float64).repeat(3, 1)
    v, u = torch.meshgrid(torch.arange(HEIGHT) + 0.5, torch.arange(WIDTH) + 0.5, indexing="ij")
    rays = torch.stack(
        [(u - WIDTH / 2) / FOCAL, (v - HEIGHT / 2) / FOCAL_Y, torch.ones_like(u)], dim=-1
    ).double()
    images = []
    for turn, center in zip(turns, centers):
        along = rays @ turn.T
        t = (PLANE + 0.3 * center[0] - center[2]) / (along[..., 2] - 0.3 * along[..., 0])
        points = center + t[..., None] * along
        images.append(wall(points[..., 0], points[..., 1]))
    return PatchViews(torch.stack(images), lens, turns, centers)


def cast(views: PatchViews, dtype: torch.dtype) -> PatchViews:
    return PatchViews(*(t.to(dtype) for t in (views.images, views.lens, views.turns, views.centers)))


def questions(count: int, depths: int = 9) -> tuple[Tensor, ...]:
    generator = torch.Generator().manual_seed(count)
    first = torch.randint(3, (count,), generator=generator)
    second = (first[:, None] + torch.tensor([[1, 2]])) % 3
    uv = torch.rand(count, 2, generator=generator).double() * torch.tensor([WIDTH, HEIGHT])
    normal = torch.randn(count, 3, generator=generator).double() * 0.3 + torch.tensor([0.0, 0.0, -1.0])
    depth = 1.0 + 2.0 * torch.rand(count, depths, generator=generator).double()
    return first, uv, normal, depth, second


def test_the_true_depth_scores_best() -> None:
    views = views_of_a_wall()
    uv = torch.tensor([[30.0, 20.0], [25.0, 16.0], [36.0, 24.0]], dtype=torch.float64)
    ray = (uv - torch.tensor([WIDTH / 2, HEIGHT / 2])) / FOCAL
    true = PLANE / (1.0 - 0.3 * ray[:, 0])
    depth = true[:, None] * torch.linspace(0.8, 1.2, 9, dtype=torch.float64)
    normal = torch.tensor([[0.3, 0.0, -1.0]], dtype=torch.float64).expand(3, 3)
    first, second = torch.zeros(3, dtype=torch.int64), torch.tensor([[1, 2]]).expand(3, 2)
    scores = patch_scores(views, first, uv, normal, depth, second)
    assert (scores.argmax(dim=2) == 4).all() and (scores[:, :, 4] > 0.99).all()
    level = patch_scores(
        views, first, uv, torch.tensor([[0.0, 0.0, 1.0]]).double().expand(3, 3), depth, second
    )
    assert (level[:, :, 4] < scores[:, :, 4]).all()  # a plane that leans counts
    noisy = patch_scores(views, first, uv, normal, depth, second, noise=200.0)
    assert (noisy.abs() < 0.2).all()


@needs_native
@pytest.mark.parametrize("count", [0, 1, 17, 200])
@pytest.mark.parametrize("radius", [1, 3, 5])
def test_the_kernel_is_its_specification(count: int, radius: int) -> None:
    views, asked = views_of_a_wall(), questions(count)
    expected = patch_scores(views, *asked, radius=radius, spacing=0.7, noise=2.0)
    single = [t.float() if t.is_floating_point() else t for t in asked]
    single[1] = torch.stack([single[1][:, 0], single[1][:, 1]]).T  # not contiguous
    scores = patch_scores(cast(views, torch.float32), *single, radius=radius, spacing=0.7, noise=2.0)
    # A patch that just touches a border is in by one rounding and out by another.
    same = (scores == NOWHERE) == (expected == NOWHERE)
    assert scores.shape == expected.shape and (count < 100 or same.float().mean() > 0.99)
    assert count < 100 or (expected > NOWHERE).float().mean() > 0.05
    torch.testing.assert_close(scores[same].double(), expected[same], rtol=0, atol=2e-3)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_numbers_that_are_none_are_nowhere(dtype: torch.dtype) -> None:
    views = cast(views_of_a_wall(), dtype)
    first, uv, normal, depth, second = (t.to(dtype) if t.is_floating_point() else t for t in questions(8))
    uv[0], normal[1], depth[2], depth[3], depth[4] = torch.nan, torch.nan, torch.inf, -1.0, torch.nan
    uv[5], normal[6] = 1e30, 0.0
    scores = patch_scores(views, first, uv, normal, depth, second)
    assert (scores[:7] == NOWHERE).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_what_lies_behind_a_camera_or_is_seen_from_its_edge_is_nowhere(dtype: torch.dtype) -> None:
    views = cast(views_of_a_wall(), dtype)
    middle = torch.tensor([[WIDTH / 2, HEIGHT / 2]], dtype=dtype)
    first, second = torch.zeros(1, dtype=torch.int64), torch.tensor([[1, 2]])

    def score(lean: float, depth: list[float]) -> Tensor:
        normal = torch.tensor([[lean, 0.0, 0.05]], dtype=dtype)
        return patch_scores(views, first, middle, normal, torch.tensor([depth], dtype=dtype), second)[0]

    # The plane through the patch's last pixel is met at 1.3 times the depth, then at 8 times; and behind.
    assert (score(0.2, [PLANE]) > NOWHERE).all()
    assert (score(0.73, [PLANE]) == NOWHERE).all()
    assert (score(0.2, [-PLANE, -10.0]) == NOWHERE).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_pixel_that_is_none_spoils_the_patches_that_touch_it(dtype: torch.dtype) -> None:
    views = cast(views_of_a_wall(), dtype)
    asked = [t.to(dtype) if t.is_floating_point() else t for t in questions(200)]
    expected = patch_scores(views, *asked)
    views.images[1, 18:22, 28:32] = torch.nan
    scores = patch_scores(views, *asked)
    spoilt = scores.isnan()
    assert torch.equal(scores[~spoilt], expected[~spoilt])
    assert 0 < spoilt.sum() < (expected > NOWHERE).sum() and (expected[spoilt] > NOWHERE).all()
    first, uv = asked[0], asked[1]
    under = (first == 1) & ((uv - torch.tensor([30.0, 20.0])).abs() < 2.0).all(dim=1)
    assert under.any() and spoilt[under].eq(expected[under] > NOWHERE).all()


def test_what_does_not_fit_is_named() -> None:
    views, (first, uv, normal, depth, second) = views_of_a_wall(), questions(4)
    with pytest.raises(ValueError, match="second names a picture"):
        patch_scores(views, first, uv, normal, depth, second + 3)
    with pytest.raises(ValueError, match="radius must be 1 to 5"):
        patch_scores(views, first, uv, normal, depth, second, radius=6)
    with pytest.raises(ValueError, match="uv must be"):
        patch_scores(views, first, uv[:2], normal, depth, second)
    with pytest.raises(ValueError, match="lens must be"):
        PatchViews(views.images, views.lens[:1], views.turns, views.centers)
    assert reference.NOWHERE == NOWHERE
