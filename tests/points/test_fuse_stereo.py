"""Depth matched between pictures as points and free space: a cup whose inside is hard to match."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from neurfield.errors import UserError
from neurfield.points import FusedDepth, VolumePoints, fuse_scene
from neurfield.rays import UnitFrame
from tests.points import cup

CPU = torch.device("cpu")
FRAME = UnitFrame.around(cup.BOX)
VOXEL = 0.012


def fused(stereo: cup.Matched | None, cameras: cup.Cameras) -> VolumePoints | None:
    return fuse_scene(cup.scene(cameras), VOXEL, FRAME, CPU, None, stereo)


@pytest.fixture(scope="module")
def volume() -> VolumePoints:
    cameras = cup.cameras()
    found = fused(cup.matched(cameras, outside=0.6, inside=0.4, wild=0.02), cameras)
    assert found is not None
    return found


def world(points: torch.Tensor) -> np.ndarray:
    return points.double().numpy() * FRAME.half + FRAME.centre


def in_cubes(centres: torch.Tensor, half: float) -> np.ndarray:
    """Places [E, 64, 3], world, in cubes around some centres."""
    steps = (np.mgrid[:4, :4, :4].reshape(3, -1).T + 0.5) / 2.0 - 1.0
    return world(centres)[:, None] + half * FRAME.half * steps


def share_of(inside: object, centres: torch.Tensor, half: float) -> float:
    """Part of a solid, or of a cavity, that lies in cubes."""
    places = in_cubes(centres, half)
    everywhere = np.random.default_rng(0).uniform(*cup.BOX, (200_000, 3))
    whole = inside(everywhere).mean() * np.prod(cup.BOX[1] - cup.BOX[0])  # type: ignore[operator]
    one = (2.0 * half * FRAME.half) ** 3 / 64.0
    return float(inside(places).sum() * one / whole)  # type: ignore[operator]


def test_the_cup_is_open_and_whole(volume: VolumePoints) -> None:
    assert share_of(cup.is_solid, volume.free, volume.free_half) < 0.03
    # Bricks at its walls and floor hold the surface; a third of the cavity lies farther from them.
    assert share_of(cup.is_cavity, volume.free, volume.free_half) > 0.25
    assert volume.unknown is not None
    assert share_of(cup.is_cavity, volume.unknown, volume.free_half) < 0.25


def test_depth_of_little_confidence_opens_the_cup_too() -> None:
    """How exact it is, is told by its error: what looks into a hollow is never as sure as the outside."""
    cameras = cup.cameras()
    stereo = cup.matched(cameras, outside=0.6, inside=0.4, wild=0.02)
    inner = torch.from_numpy(cup.exact(cameras)[2])
    confidence = torch.where(inner, 0.15 * stereo.confidence, stereo.confidence)
    found = fused(dataclasses.replace(stereo, confidence=confidence), cameras)
    assert found is not None
    assert share_of(cup.is_cavity, found.free, found.free_half) > 0.15
    assert share_of(cup.is_solid, found.free, found.free_half) < 0.03
    unsure = dataclasses.replace(stereo, confidence=torch.where(inner, 0.01, stereo.confidence))
    none = fused(unsure, cameras)
    assert none is not None  # many words that are worth nothing are none
    assert share_of(cup.is_cavity, none.free, none.free_half) < 0.05


def test_points_lie_where_the_cup_has_its_surface(volume: VolumePoints) -> None:
    near = volume.weight > 0.3
    assert near.sum() > 5000
    places = world(volume.points[near])
    inside = cup.is_solid(places)
    sdf = volume.sdf[near].numpy() * FRAME.half
    far = np.abs(sdf) > 1.5 * VOXEL
    assert ((sdf < 0) == inside)[far].mean() > 0.97
    assert volume.normal is not None and volume.normal_weight is not None
    sure = volume.normal_weight[near] > 0.2
    assert sure.any() and float(volume.normal_weight.max()) <= 0.5
    side = np.abs(np.hypot(places[:, 0], places[:, 1]) - cup.OUTER) < VOXEL
    side &= (places[:, 2] > 0.2) & (places[:, 2] < 0.8) & sure.numpy()
    outward = places[side, :2] / np.linalg.norm(places[side, :2], axis=1, keepdims=True)
    assert (volume.normal[near].numpy()[side, :2] * outward).sum(axis=1).mean() > 0.95


def test_where_nothing_was_matched_the_hull_stays_and_holds_nothing() -> None:
    cameras = cup.cameras()
    nothing = cup.matched(cameras, outside=0.0, inside=0.0, wild=0.0)
    found = fused(nothing, cameras)
    assert found is not None and found.unknown is not None
    assert found.weight.unique().tolist() == pytest.approx([0.05])
    assert (found.sdf.abs() <= found.band).all()  # near the hull alone, nothing of what it holds
    assert share_of(cup.is_cavity, found.free, found.free_half) == 0.0
    assert share_of(cup.is_cavity, found.unknown, found.free_half) > 0.9
    outside = np.hypot(*world(found.free)[:, :2].T) > 0.6
    assert outside.any()


def test_without_masks_there_is_no_hull() -> None:
    cameras = cup.cameras()
    nothing = cup.matched(cameras, outside=0.0, inside=0.0, wild=0.0)
    assert fuse_scene(cup.scene(cameras).without("mask"), VOXEL, FRAME, CPU, None, nothing) is None


def test_a_part_asks_for_stereo_and_says_what_was_fused() -> None:
    cameras = cup.cameras(12)
    stereo = cup.matched(cameras, outside=0.6, inside=0.4, wild=0.0)
    part = FusedDepth(cup.scene(cameras), FRAME, CPU, stereo=lambda: stereo, voxel=0.03)
    assert part.warm and "12 stereo depth maps" in part.words
    assert not FusedDepth(cup.scene(cameras), FRAME, CPU, voxel=0.03).warm


def test_maps_of_other_frames_end_in_one_line() -> None:
    cameras = cup.cameras(6)
    stereo = cup.matched(cameras, outside=0.5, inside=0.5, wild=0.0)
    other = dataclasses.replace(stereo, frames=np.arange(6) + 3)
    with pytest.raises(UserError, match="frame 8, but the scene has 6"):
        fused(other, cameras)
