"""Where priors contradict matched depth, and what views without a map add."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from neurfield.points import aligned_priors, fuse_scene
from neurfield.points.beside_priors import MOST_OTHERS, NEARER, TURNED, beside_priors, contradicted
from neurfield.points.depth_maps import DepthMaps, joined
from neurfield.rays import UnitFrame
from tests.points.test_stereo_and_priors import CPU, FRAMES, ROOM, SIZE, plain_room

DISAGREEMENT = 0.02


def maps_of(depth: list[float], turned: list[float] | None = None, sigma: float = 0.0) -> DepthMaps:
    """A row of pixels, whose normals are so many degrees off the axis."""
    z = torch.tensor(depth)[None, None]
    angles = torch.tensor(turned or [0.0] * len(depth)).deg2rad()[None, None]
    normal = torch.stack([angles.sin(), torch.zeros_like(angles), -angles.cos()], dim=-1)
    ones = torch.ones_like(z)
    return DepthMaps(z, normal, ones, sigma * ones, ones, np.eye(4)[None], np.ones((1, 4)))


def test_what_is_nearer_or_turned_or_some_of_both_is_contradicted() -> None:
    far = math.exp(NEARER * DISAGREEMENT)
    matched = maps_of([1.0, 1.0, 1.0, 1.0, far * 1.5], [0.0, 0.0, TURNED + 1.0, TURNED / 2 + 1.0, 0.0])
    priors = maps_of([far * 1.01, far * 0.99, 1.0, math.sqrt(far), 1.0])
    assert contradicted(matched, priors, DISAGREEMENT).flatten().tolist() == [True, False, True, True, False]


def test_what_errs_more_or_has_no_prior_is_not() -> None:
    priors = maps_of([1.2, 1.2, 0.0])
    sure, doubtful = (
        contradicted(maps_of([1.0, 0.0, 1.0], sigma=s), priors, DISAGREEMENT) for s in (0.0, 0.1)
    )
    assert sure.flatten().tolist() == [True, False, False] and not doubtful.any()
    unknown = replace(priors, normal=torch.zeros_like(priors.normal))
    turned = maps_of([1.2, 1.2, 1.2], [120.0] * 3)
    assert not contradicted(turned, unknown, DISAGREEMENT).any()
    longer = replace(priors, normal=3.0 * priors.normal)
    assert torch.equal(contradicted(turned, longer, DISAGREEMENT), contradicted(turned, priors, DISAGREEMENT))


def test_maps_one_after_another_are_the_maps() -> None:
    maps = maps_of([1.0, 2.0], [0.0, 30.0])
    both = joined([maps, maps_of([3.0, 4.0])])
    assert torch.equal(both.only(0).depth, maps.depth) and torch.equal(both.only(0).normal, maps.normal)
    assert both.only(1).depth.flatten().tolist() == [3.0, 4.0] and both.lens.shape == (2, 4)


@pytest.fixture(scope="module")
def room() -> tuple:  # type: ignore[type-arg]
    scene, stereo, true = plain_room()
    aligned = aligned_priors(scene, ROOM.reshape(-1).tolist(), 0, stereo)
    assert aligned is not None
    return scene, stereo, true, aligned


def test_an_overlap_with_what_is_behind_gives_way(room: tuple) -> None:  # type: ignore[type-arg]
    scene, stereo, true, aligned = room
    stands = torch.zeros(FRAMES, *SIZE, dtype=torch.bool)
    stands[:, 20:60, 30:40] = (
        True  # a post that was matched half a metre before the walls, as no prior has it
    )
    depth = torch.where(stands & (stereo.depth > 0.8), stereo.depth - 0.5, stereo.depth)
    sigma = 0.01 * depth
    maps = DepthMaps(
        depth, stereo.normal, stereo.confidence, sigma, stereo.confidence, scene.cameras.world_from_cam,
        np.ones((FRAMES, 4)),
    )  # fmt: skip
    mended, share = beside_priors(scene, stereo.frames, maps, stands | True, aligned, others=False)
    wrong = stands & (stereo.depth > 0.8)
    exact = torch.from_numpy(np.stack(true)).float()
    off = ((mended.depth - exact).abs() / exact)[wrong]
    assert 0.9 * wrong.sum() < share * (depth > 0).sum() < 1.2 * wrong.sum()
    assert wrong.sum() > 1000 and (off < 0.05).float().mean() > 0.95
    elsewhere = (stereo.depth > 0) & ~wrong
    assert (mended.depth == stereo.depth)[elsewhere].float().mean() > 0.98


def test_views_without_a_map_add_what_theirs_show(room: tuple) -> None:  # type: ignore[type-arg]
    scene, stereo, _, aligned = room
    few = 4
    matched = replace(
        stereo, frames=stereo.frames[:few], cameras=stereo.cameras.select(np.arange(few)),
        depth=stereo.depth[:few], normal=stereo.normal[:few], confidence=stereo.confidence[:few],
        flags=stereo.flags[:few],
    )  # fmt: skip
    frame = UnitFrame.around(scene.box)
    some = scene.with_frames(np.arange(few))
    before = fuse_scene(
        some, 0.04, frame, CPU, aligned_priors(some, ROOM.reshape(-1).tolist(), 0, matched), matched
    )
    after = fuse_scene(scene, 0.04, frame, CPU, aligned, matched)
    assert before is not None and after is not None and len(after.points) > 1.5 * len(before.points)


def test_of_many_views_without_a_map_those_that_cover_take_part(
    room: tuple,
    monkeypatch: pytest.MonkeyPatch,  # type: ignore[type-arg]
) -> None:
    scene, stereo, _, aligned = room
    monkeypatch.setattr("neurfield.points.beside_priors.MOST_OTHERS", 5)
    assert MOST_OTHERS > 5
    maps = DepthMaps(
        stereo.depth[:2], stereo.normal[:2], stereo.confidence[:2], 0.01 * stereo.depth[:2],
        stereo.confidence[:2], scene.cameras.world_from_cam[:2], np.ones((2, 4)),
    )  # fmt: skip
    shown = torch.ones_like(maps.depth, dtype=torch.bool)
    found, _ = beside_priors(scene, stereo.frames[:2], maps, shown, aligned, others=True)
    assert len(found.depth) == len(found.world_from_cam) == len(found.lens) == 2 + 5
