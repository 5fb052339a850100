"""Slanted planes: the kernel against its specification, and what refinement makes of planes whose truth is
known."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys

import pytest
import torch
from torch import Tensor

from neurfield.ops import native
from neurfield.ops.plane_maps import fit_planes
from neurfield.ops.slanted_planes import plane_costs, refine_planes
from neurfield.ops.stereo_pictures import StereoPictures
from tests.ops.stereo_planes import normals_of, plane_normal, true_planes, views_of_a_plane

needs_native = pytest.mark.skipif(native.module is None, reason="no native kernels here")
SOURCES = torch.tensor([[1, 2, -1, 3, 4]])
FIRST = torch.tensor([0])


def small(inside: bool = False, gain: bool = False, size: tuple[int, int] = (21, 39)) -> StereoPictures:
    pictures, _ = views_of_a_plane(60.0, size, 40.0)
    generator = torch.Generator().manual_seed(1)
    mask = torch.nn.functional.interpolate(
        torch.rand(1, 5, 5, 8, generator=generator), size=size, mode="bilinear"
    )[0]
    return dataclasses.replace(
        pictures,
        inside=mask > 0.35 if inside else None,
        gain=torch.linspace(0.8, 1.2, 5) if gain else None,
        tolerance=2.5 if gain else 0.0,
    )


def starts(size: tuple[int, int] = (21, 39), missing: float = 0.3) -> Tensor:
    _, depth = views_of_a_plane(60.0, size, 40.0)
    planes = true_planes(depth[0], 60.0, 40.0)[None]
    generator = torch.Generator().manual_seed(2)
    planes[..., 0] *= 1.0 + 0.05 * torch.randn(1, *size, generator=generator)
    planes[..., 1:] *= torch.rand(1, *size, 1, generator=generator)
    planes[torch.rand(1, *size, generator=generator) < missing] = 0.0
    return planes


def rough(depth: Tensor, focal: float, quantum: float = 1.0) -> Tensor:
    """What a sweep over planes a pixel apart gives: whole disparities, one in ten anywhere; with slopes."""
    generator = torch.Generator().manual_seed(0)
    pixel = 1.0 / (focal * 0.15)
    w = torch.where(depth > 0, 1.0 / depth.clamp_min(1e-6), torch.zeros_like(depth))
    whole = ((w / pixel).round() * pixel).clamp_min(0.5 * pixel) + quantum * 0.1 * pixel * torch.randn(
        w.shape, generator=generator
    )
    wrong = torch.rand(w.shape, generator=generator) < 0.1
    whole = torch.where(wrong, whole * 2.0 * torch.rand(w.shape, generator=generator), whole)
    return fit_planes(torch.where(w > 0, whole, torch.zeros_like(w))[None], radius=3)


def middle(map_: Tensor, border: int = 10) -> Tensor:
    return map_[border:-border, border:-border]


@needs_native
@pytest.mark.parametrize(("inside", "gain"), [(False, False), (True, True)])
@pytest.mark.parametrize("radius", [2, 4, 5])
def test_costs_are_what_the_specification_says(inside: bool, gain: bool, radius: int) -> None:
    pictures, planes = small(inside, gain), starts()
    costs, texture = plane_costs(pictures, FIRST, SOURCES, planes, radius=radius)
    expected, expected_texture = plane_costs(pictures, FIRST, SOURCES, planes.double(), radius=radius)
    # Some windows rest on three taps, through which there is always a ramp: float32 hardly tells.
    apart = (texture - expected_texture).abs()
    assert (apart < 1e-3).float().mean() > 0.95 and apart.max() < 0.05
    # A window that just touches a border is in by one rounding and out by another.
    same = (costs.double() - expected).abs()[(apart < 1e-3)[:, None].expand_as(costs)] < 3e-3
    assert same.float().mean() > 0.999 and (costs < 0.6).float().mean() > 0.1
    assert (costs[:, 2] == 1.0).all()  # no source


@needs_native
@pytest.mark.parametrize("passes", [0, 1, 2])
@pytest.mark.parametrize("kind", ["plain", "masked", "interval", "geometric", "near"])
def test_refinement_is_what_the_specification_says(passes: int, kind: str) -> None:
    pictures, planes = small(kind == "masked", kind == "masked"), starts()
    _, depth = views_of_a_plane(60.0, (21, 39), 40.0)
    options: dict[str, object] = {}
    if kind == "interval":
        w = true_planes(depth[0], 60.0, 40.0)[None, ..., 0]
        options["interval"] = torch.stack([0.8 * w, 1.1 * w], dim=-1)
    elif kind == "geometric":
        options["depths"] = depth * (
            torch.rand(depth.shape, generator=torch.Generator().manual_seed(5)) < 0.9
        )
    elif kind == "near":
        options |= {"far": False, "margin": 0.02, "shift": 0.5, "turn": 4.0}
    refined, cost = refine_planes(pictures, FIRST, SOURCES, planes, passes=passes, seed=3, **options)  # type: ignore[arg-type]
    doubled = {k: v.double() if isinstance(v, Tensor) else v for k, v in options.items()}
    expected, expected_cost = refine_planes(
        pictures, FIRST, SOURCES, planes.double(), passes=passes, seed=3, **doubled  # type: ignore[arg-type]
    )  # fmt: skip
    apart = (refined.double() - expected).abs().amax(dim=-1) / expected[..., 0].abs().clamp_min(1e-3)
    assert (apart < 2e-3).float().mean() > (0.999, 0.99, 0.95)[passes]  # near ties go either way, and spread
    assert (cost - expected_cost).abs().median() < 1e-5
    assert passes == 0 or (cost < 0.3).float().mean() > 0.2


def test_a_floor_at_a_grazing_angle_gets_its_normal_and_its_depth() -> None:
    tilt, focal = 70.0, 120.0
    pictures, depth = views_of_a_plane(tilt, (96, 128), focal, noise=1.0)
    start = rough(depth[0], focal)
    refined, cost = refine_planes(pictures, FIRST, SOURCES, start, passes=2)
    visible = (middle(depth[0]) > 0) & (middle(depth[0]) < 6.0)
    normal = middle(normals_of(refined[0], focal))[visible]
    angle = (normal @ plane_normal(tilt)).clamp(-1, 1).acos().rad2deg()
    assert angle.median() < 5.0

    def disparity(planes: Tensor) -> Tensor:
        return (focal * 0.15 * (middle(planes[0, ..., 0]) - 1.0 / middle(depth[0])))[visible]

    assert disparity(refined).abs().median() < 0.25 * disparity(start).abs().median()
    assert (middle(cost[0])[visible] < 0.3).float().mean() > 0.9


def test_depth_does_not_lock_to_whole_disparities() -> None:
    focal = 120.0
    pictures, depth = views_of_a_plane(50.0, (64, 112), focal)
    start = rough(depth[0], focal, quantum=0.0)
    refined, _ = refine_planes(pictures, FIRST, SOURCES, start, passes=3)

    def fractions(planes: Tensor) -> Tensor:
        found = focal * 0.15 * middle(planes[0, ..., 0])
        return torch.histc(found - found.round(), bins=5, min=-0.5, max=0.5) / found.numel()

    truth = fractions(true_planes(depth[0], 50.0, focal)[None])
    assert (fractions(start) - truth).abs().max() > 0.4  # all in the middle
    assert (fractions(refined) - truth).abs().max() < 0.05


def test_a_plain_surface_stays_where_it_starts() -> None:
    focal, tilt = 120.0, 30.0
    pictures, depth = views_of_a_plane(tilt, (64, 96), focal, amplitude=0.0, noise=1.5)
    start = true_planes(depth[0], tilt, focal)[None]
    refined, _ = refine_planes(pictures, FIRST, SOURCES, start, passes=3)
    moved = focal * 0.15 * (refined[0, ..., 0] - start[0, ..., 0])
    assert moved.abs().quantile(0.95) < 0.5
    angle = (normals_of(refined[0], focal) @ plane_normal(tilt)).clamp(-1, 1).acos().rad2deg()
    assert angle.median() < 10.0


def test_what_starts_with_nothing_is_filled_from_around_and_from_its_interval() -> None:
    focal = 80.0
    pictures, depth = views_of_a_plane(40.0, (48, 64), focal)
    truth = true_planes(depth[0], 40.0, focal)[None]
    holes = truth.clone()
    holes[:, 10:20, 12:24] = 0.0
    refined, _ = refine_planes(pictures, FIRST, SOURCES, holes, passes=2)
    assert (focal * 0.15 * (refined - truth)[..., 0]).abs()[:, 10:20, 12:24].median() < 0.2
    w = truth[..., 0]
    interval = torch.stack([0.7 * w, 1.3 * w], dim=-1)
    nothing = torch.zeros_like(truth)
    assert (refine_planes(pictures, FIRST, SOURCES, nothing)[0] == 0.0).all()
    drawn, cost = refine_planes(pictures, FIRST, SOURCES, nothing, passes=4, interval=interval)
    assert middle((focal * 0.15 * (drawn - truth)[0, ..., 0]).abs()).median() < 0.2
    interval[:, :, :30] = torch.tensor([1.0, 0.0])  # no room
    drawn, cost = refine_planes(pictures, FIRST, SOURCES, nothing, passes=2, interval=interval)
    assert (drawn[:, :, :30] == 0.0).all() and (cost[:, :, :30] == 1.0).all()
    right, bounds = drawn[0, :, 30:, 0], interval[0, :, 30:]
    assert ((right >= bounds[..., 0]) & (right <= bounds[..., 1]) | (right == 0)).all() and (right > 0).any()


def test_coming_back_from_other_depths_removes_what_only_looks_alike() -> None:
    """A texture that repeats every few pixels matches one period off too; sources' depths tell them apart."""
    h, w, focal, period = 40, 60, 60.0, 6
    stripes = 120.0 + 50.0 * torch.cos(2.0 * torch.pi * (torch.arange(w + 40.0) + 0.5) / period)
    shift = 4  # pixels of disparity
    greys = torch.stack([stripes[10 + k : 10 + k + w].expand(h, w) for k in (0, -shift, shift)])
    pose = torch.eye(4, dtype=torch.float64).repeat(3, 1, 1)
    pose[1, 0, 3], pose[2, 0, 3] = 0.2, -0.2  # centres 0.2 to the left and right
    greys = greys.round().to(torch.uint8)
    lens = torch.tensor([[focal, focal, w / 2, h / 2]]).repeat(3, 1)
    pictures = StereoPictures(greys, lens, pose)
    true, lucky = shift / (focal * 0.2), (shift + period) / (focal * 0.2)
    start = torch.zeros(1, h, w, 3)
    start[..., 0] = true
    start[:, 15:25, 25:35, 0] = lucky
    sources = torch.tensor([[1, 2]])
    costs, _ = plane_costs(pictures, FIRST, sources, start)
    assert costs[0, :, 18:22, 28:32].max() < 0.02  # nothing in the pictures speaks against it
    depths = torch.full((3, h, w), 1.0 / true)
    unaware, _ = refine_planes(pictures, FIRST, sources, start, passes=2, seed=1)
    aware, _ = refine_planes(pictures, FIRST, sources, start, passes=2, seed=1, depths=depths)
    inner = (0, slice(18, 22), slice(28, 32), 0)
    assert ((unaware[inner] - lucky).abs() < 0.1 * lucky).float().mean() > 0.9
    assert ((aware[inner] - true).abs() < 0.1 * true).all()


def test_an_occluded_source_has_no_say() -> None:
    focal = 80.0
    pictures, depth = views_of_a_plane(30.0, (48, 64), focal)
    truth = true_planes(depth[0], 30.0, focal)[None]
    covered = pictures.grey.clone()
    generator = torch.Generator().manual_seed(4)
    covered[2] = torch.randint(0, 256, covered[2].shape, generator=generator, dtype=torch.uint8)
    pictures = dataclasses.replace(pictures, grey=covered)
    refined, cost = refine_planes(pictures, FIRST, SOURCES, truth, passes=2)
    assert middle(cost[0]).median() < 0.1
    assert middle((focal * 0.15 * (refined - truth)[0, ..., 0]).abs()).median() < 0.1


def test_the_background_of_a_source_is_a_mismatch() -> None:
    pictures, depth = views_of_a_plane(30.0, (48, 64), 80.0)
    truth = true_planes(depth[0], 30.0, 80.0)[None]
    inside = torch.ones(pictures.grey.shape, dtype=torch.bool)
    inside[1] = False
    masked = dataclasses.replace(pictures, inside=inside)
    costs, _ = plane_costs(masked, FIRST, SOURCES, truth)
    within = (0, 0, slice(15, -15), slice(15, -15))
    assert (costs[within] == 1.0).all() and costs[0, 1, 15:-15, 15:-15].max() < 0.3
    inside[0, :, :30] = False
    refined, cost = refine_planes(dataclasses.replace(masked, inside=inside), FIRST, SOURCES, truth)
    assert (refined[:, :, :30] == 0.0).all() and (cost[:, :, :30] == 1.0).all()


def test_seed_picture_and_pixel_say_what_is_drawn_and_nothing_else_does() -> None:
    pictures, planes = small(), starts()
    both = torch.tensor([3, 0])
    sources = torch.tensor([[1, 2, -1, 0, 4], [1, 2, -1, 3, 4]])
    alone, _ = refine_planes(pictures, FIRST, SOURCES, planes, passes=2, seed=7)
    batch, _ = refine_planes(pictures, both, sources, planes.expand(2, -1, -1, -1), passes=2, seed=7)
    assert torch.equal(batch[1], alone[0])
    other, _ = refine_planes(pictures, FIRST, SOURCES, planes, passes=2, seed=8)
    assert not torch.equal(other, alone)


@needs_native
def test_the_same_bits_for_any_number_of_threads() -> None:
    code = (
        "import torch, hashlib\n"
        "from tests.ops.test_slanted_planes import *\n"
        "planes, cost = refine_planes(small(True), FIRST, SOURCES, starts(), passes=2)\n"
        "print(hashlib.sha256(planes.numpy().tobytes() + cost.numpy().tobytes()).hexdigest())\n"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", code], env={**os.environ, "OMP_NUM_THREADS": str(threads)}, text=True,
            capture_output=True, check=True,
        ).stdout
        for threads in (1, 3)
    }  # fmt: skip
    assert len(digests) == 1


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("size", [(1, 1), (1, 40), (17, 2), (5, 33)])
def test_small_pictures_empty_batches_and_no_sources(dtype: torch.dtype, size: tuple[int, int]) -> None:
    pictures = small(size=size)
    planes = torch.zeros(2, *size, 3, dtype=dtype)
    planes[..., 0] = 0.5
    none = torch.full((2, 3), -1)
    refined, cost = refine_planes(pictures, torch.tensor([0, 1]), none, planes)
    assert torch.equal(refined, planes) and (cost == 1.0).all()
    refined, cost = refine_planes(pictures, torch.tensor([0, 1]), none[:, :0], planes)
    assert torch.equal(refined, planes) and (cost == 1.0).all()
    refined, cost = refine_planes(pictures, torch.tensor([0, 1]), torch.tensor([[1], [2]]), planes)
    assert refined.isfinite().all() and ((cost >= 0) & (cost <= 1)).all()
    refined, cost = refine_planes(pictures, FIRST[:0], none[:0], planes[:0])
    assert refined.shape == (0, *size, 3) and cost.shape == (0, *size)


def test_numbers_that_are_none_are_no_planes() -> None:
    pictures, planes = small(), starts(missing=0.0)
    planes[0, 3, 4], planes[0, 5, 6, 1], planes[0, 8, 8] = torch.nan, torch.inf, -1.0
    expected = planes.clone()
    expected[0, 3, 4], expected[0, 5, 6], expected[0, 8, 8] = 0.0, 0.0, 0.0
    for cast in (torch.float32, torch.float64):
        got, _ = refine_planes(pictures, FIRST, SOURCES, planes.to(cast), passes=1)
        wanted, _ = refine_planes(pictures, FIRST, SOURCES, expected.to(cast), passes=1)
        assert torch.equal(got, wanted) and got.isfinite().all()


@needs_native
def test_tensors_need_not_be_contiguous() -> None:
    pictures, planes = small(), starts()
    expected, _ = refine_planes(pictures, FIRST, SOURCES, planes, passes=1)
    scattered = planes.transpose(1, 2).contiguous().transpose(1, 2)
    sources = SOURCES.repeat(2, 1).T.contiguous().T[:1]
    found, _ = refine_planes(pictures, FIRST, sources, scattered, passes=1)
    assert torch.equal(found, expected)


def test_what_does_not_fit_is_named() -> None:
    pictures, planes = small(), starts()
    with pytest.raises(ValueError, match="sources names a picture that is not among the 5"):
        refine_planes(pictures, FIRST, SOURCES + 1, planes)
    with pytest.raises(ValueError, match="reference names a picture"):
        plane_costs(pictures, FIRST - 1, SOURCES, planes)
    with pytest.raises(ValueError, match="radius must be 2 to 6, got 7"):
        refine_planes(pictures, FIRST, SOURCES, planes, radius=7)
    with pytest.raises(ValueError, match="planes must be float"):
        refine_planes(pictures, FIRST, SOURCES, planes[:, 1:])
    with pytest.raises(ValueError, match="interval must be float"):
        refine_planes(pictures, FIRST, SOURCES, planes, interval=planes)
    with pytest.raises(ValueError, match="turn must be 0 to 60"):
        refine_planes(pictures, FIRST, SOURCES, planes, turn=90.0)
    with pytest.raises(ValueError, match="at most 16 sources"):
        refine_planes(pictures, FIRST, torch.zeros(1, 17, dtype=torch.int64), planes)
    with pytest.raises(ValueError, match="margin must be 0 or more"):
        refine_planes(pictures, FIRST, SOURCES, planes, margin=-0.1)
