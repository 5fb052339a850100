"""Rays through a sparse volume: native against the plain torch specification, and a sphere seen again."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from neurfield.ops import depth_fusion as fusion
from neurfield.ops import native
from neurfield.ops.surface_depth import surface_depth
from tests.ops.test_depth_fusion import sphere_views

needs_native = pytest.mark.skipif(native.module is None, reason="no native kernels in this installation")
VOXEL = 0.05


def fused_sphere(views: fusion.DepthViews) -> tuple[Tensor, Tensor]:
    """The numbers of bricks, and their distances."""
    marks = fusion.touched_bricks(views, (5, 6, 5), VOXEL, 0.15)
    row = torch.full(marks.shape, -1, dtype=torch.int64)
    row[marks != 0] = torch.arange(int(marks.sum()))
    distance, total, _ = fusion.integrate_depth(views, marks.nonzero(), VOXEL, 0.15)
    return row, torch.where(total > 0, distance, torch.nan)


@needs_native
@pytest.mark.parametrize("size", [(60, 72), (1, 1), (7, 5)])
def test_native_sees_what_the_reference_does(size: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    row, distance = fused_sphere(sphere_views(9))
    views = sphere_views(3, size, seed=5)
    wanted = torch.rand(3, *reversed(size), generator=torch.Generator().manual_seed(0)).transpose(1, 2) < 0.8
    found = surface_depth(row, distance, VOXEL, views.cam_from_grid, views.intrinsics, wanted)
    monkeypatch.setattr(native, "module", None)
    expected = surface_depth(row, distance, VOXEL, views.cam_from_grid, views.intrinsics, wanted)
    assert (found[~wanted] == 0).all()
    # A sample at a border between known and unknown may fall either way.
    assert ((found - expected).abs() > 1e-3).float().mean() < 0.01
    if size[0] > 50:
        assert (found > 0).float().mean() > 0.1


@needs_native
@pytest.mark.parametrize("share", [0.02, 0.3, 0.9])
def test_scattered_bricks_are_all_met(share: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wide gaps, neighbours that only touch, and bricks without anything negative are passed alike."""
    some = torch.Generator().manual_seed(4)
    marks = torch.rand(9, 7, 8, generator=some) < share
    row = torch.full(marks.shape, -1, dtype=torch.int64)
    row[marks] = torch.arange(int(marks.sum()))
    level = 0.06 * torch.rand(int(marks.sum()), 1, generator=some)  # most bricks lie wholly before a surface
    distance = level + 0.02 * torch.randn(int(marks.sum()), 512, generator=some)
    distance[torch.rand(distance.shape, generator=some) < 0.02] = torch.nan
    views = sphere_views(4, (31, 23), seed=3)
    pose = views.cam_from_grid.clone()
    pose[:, :, 3] -= (pose[:, :, :3] @ torch.tensor([0.6, 0.2, 0.4])[:, None])[..., 0]
    wanted = torch.ones(4, 23, 31, dtype=torch.bool)
    found = surface_depth(row, distance, VOXEL, pose, views.intrinsics, wanted)
    monkeypatch.setattr(native, "module", None)
    expected = surface_depth(row, distance, VOXEL, pose, views.intrinsics, wanted)
    assert (expected > 0).float().mean() > 0.1 * share
    assert ((found - expected).abs() > 1e-3).float().mean() < 0.01


def test_a_sphere_is_seen_where_it_is() -> None:
    row, distance = fused_sphere(sphere_views(24))
    views = sphere_views(4, seed=7)
    known = views.depth > 0
    seen = surface_depth(row, distance, VOXEL, views.cam_from_grid, views.intrinsics, known)
    met = seen[known] > 0
    assert met.float().mean() > 0.85  # at the rim the voxels behind the sphere are not known
    error = (seen - views.depth)[known][met].abs()
    assert error.median() < 0.2 * VOXEL and error.quantile(0.95) < VOXEL


def test_nothing_there_is_not_seen() -> None:
    row, distance = fused_sphere(sphere_views(9))
    pose, lens = sphere_views(2).cam_from_grid, sphere_views(2).intrinsics
    wanted = torch.ones(2, 6, 8, dtype=torch.bool)
    none = torch.full_like(row, -1)
    assert not surface_depth(none, distance[:0], VOXEL, pose, lens, wanted).any()
    assert surface_depth(row, distance, VOXEL, pose[:0], lens[:0], wanted[:0]).shape == (0, 6, 8)
    for value in (math.nan, math.inf):
        spoilt = pose.clone()
        spoilt[0] = value
        assert not surface_depth(row, distance, VOXEL, spoilt, lens, wanted)[0].any()


def test_what_does_not_fit_is_named() -> None:
    row, distance = fused_sphere(sphere_views(3))
    views, wanted = sphere_views(3), torch.ones(3, 6, 8, dtype=torch.bool)
    pose, lens = views.cam_from_grid, views.intrinsics
    with pytest.raises(ValueError, match="cam_from_grid"):
        surface_depth(row, distance, VOXEL, pose[:1], lens, wanted)
    with pytest.raises(ValueError, match="row names a brick"):
        surface_depth(row, distance[:2], VOXEL, pose, lens, wanted)
    with pytest.raises(ValueError, match="voxel"):
        surface_depth(row, distance, math.nan, pose, lens, wanted)
