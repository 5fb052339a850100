"""What other pictures contradict: passers-by, and not what is fine, thin, lit otherwise, or seen by few."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from scipy.spatial import cKDTree
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from neurfield.points.fuse_stereo import fuse_stereo
from neurfield.stereo import Contradicted, StereoMaps, StereoSettings, contradicted, match
from tests.stereo import made
from tests.stereo.made import MadeScene

ROWS, COLUMNS = 60, 80
SETTINGS = StereoSettings(planes=32, passes=1, geometric=0, refine=False, sources=6)
SCENES = {"room": made.textured_room, "plain room": made.plain_room, "cup": lambda: made.mug("textured")}


def in_patches(where: np.ndarray) -> Tensor:
    """Of pixels bool [n, h, w] the patches that are mostly so."""
    return adaptive_avg_pool2d(torch.tensor(where)[:, None].float(), (ROWS, COLUMNS))[:, 0] > 0.5


def found_in(scene: MadeScene) -> tuple[StereoMaps, Contradicted]:
    maps = match(scene.scene(), SETTINGS)
    return maps, contradicted(scene.scene(), maps, ROWS, COLUMNS)


@cache
def passed(name: str) -> tuple[MadeScene, Tensor, StereoMaps, Contradicted]:
    scene, where = SCENES[name]().passed_by()
    return scene, in_patches(where), *found_in(scene)


@pytest.mark.parametrize(("name", "recall"), [("room", 0.5), ("plain room", 0.5), ("cup", 0.7)])
def test_passers_by_are_found_where_others_see_what_is_behind_them(name: str, recall: float) -> None:
    scene, where, _, found = passed(name)
    shown = in_patches(scene.mask)
    hit = found.transient & where & shown
    assert hit.sum() > recall * (where & shown).sum()  # 0.67 of the room, 0.86 of the cup
    assert hit.sum() > 0.9 * (found.transient & shown).sum()
    assert found.share > 0.02
    untouched = ~where.flatten(1).any(dim=1)
    assert not found.transient[untouched].float().mean() > 1e-3


@pytest.mark.parametrize("name", [*SCENES, "rods"])
def test_of_a_scene_that_stands_still_nothing_is_contradicted(name: str) -> None:
    scene = made.thin_rods() if name == "rods" else SCENES[name]()
    _, found = found_in(scene)
    assert found.compared.float().mean() > 0.15
    assert found.share < 2e-3
    if name == "rods":
        rods = in_patches(scene.is_part("rod"))
        assert (found.transient & rods).sum() < 0.01 * rods.sum()  # two pixels wide


def test_noise_and_exposure_that_drifts_contradict_nothing_and_hide_nobody() -> None:
    worse, _ = made.textured_room().altered(noise=3.0, gains=(0.75, 1.33), vignetting=0.1)
    _, found = found_in(worse)
    assert found.share < 5e-3
    passing, where = worse.passed_by()
    _, found = found_in(passing)
    hit = found.transient & in_patches(where)
    assert hit.sum() > 0.4 * in_patches(where).sum() and hit.sum() > 0.9 * found.transient.sum()


def test_without_maps_or_with_too_few_others_nothing_is_said() -> None:
    scene, _, maps, _ = passed("room")
    few = scene.scene().with_frames(np.arange(3))
    of_few = match(few, SETTINGS)
    nothing = replace(maps, depth=torch.zeros_like(maps.depth))
    for maps_, scene_ in ((of_few, few), (nothing, scene.scene())):
        found = contradicted(scene_, maps_, ROWS, COLUMNS)
        assert not found.compared.any() and not found.transient.any() and found.share == 0.0


@pytest.mark.parametrize("name", ["room", "cup"])
def test_what_is_hidden_matches_nothing_and_depth_stays(name: str) -> None:
    _, _, maps, found = passed(name)
    hiding = maps.hiding(found.transient)
    gone = found.transient.repeat_interleave(2, dim=1).repeat_interleave(2, dim=2)
    inside, before = hiding.views.pictures.inside, maps.views.pictures.inside
    assert inside is not None and gone.any() and not inside[gone].any()
    assert torch.equal(inside[~gone], torch.ones_like(inside[~gone]) if before is None else before[~gone])
    assert hiding.depth is maps.depth and hiding.flags is maps.flags


@pytest.mark.parametrize("name", ["room", "cup"])
def test_passers_by_become_no_surface(name: str) -> None:
    """Hardly any depth is matched before the background, and none of it is left in what is fused."""
    scene, _, maps, _ = passed(name)
    where = torch.tensor((scene.colour != SCENES[name]().colour).any(axis=3) & scene.mask)
    true = torch.tensor(scene.depth)
    sure = maps.confidence > 0.1
    wrong = where & sure & (maps.depth > 0) & ((maps.depth - true).abs() > 0.02 * true)
    assert wrong.sum() < 0.05 * where.sum()  # 0.1 % and 3 %
    longest = float(np.ptp(scene.box, axis=0).max())
    volume, _ = fuse_stereo(scene.scene(), maps, None, 0.0, longest)
    points = volume.surface_points(volume.voxel).points.numpy()
    distance, _ = cKDTree(surface_of(scene)).query(points)
    assert len(points) > 5000 and (distance > 0.05 * longest).mean() < 2e-3


def surface_of(scene: MadeScene) -> np.ndarray:
    """Points [k, 3] of what its cameras would see without passers-by."""
    frame, row, column = np.nonzero(scene.depth[:, ::2, ::2])
    row, column = 2 * row, 2 * column
    origins, rays, z_per_t = scene.cameras.rays(frame, np.stack([column, row], axis=1) + 0.5)
    points: np.ndarray = origins + (scene.depth[frame, row, column] / z_per_t)[:, None] * rays
    return points


def test_others_that_disagree_among_themselves_contradict_nobody() -> None:
    scene, _, maps, _ = passed("room")
    tints = np.random.default_rng(0).integers(0, 255, (24, 1, 1, 3), np.uint8)
    colour = np.broadcast_to(tints, scene.colour.shape)
    found = contradicted(replace(scene, colour=colour).scene(), maps, ROWS, COLUMNS)
    assert found.transient.float().mean() < 2e-3
    colour = np.where(np.arange(24)[:, None, None, None] == 5, np.uint8(200), np.uint8(90)) + 0 * colour
    found = contradicted(replace(scene, colour=colour).scene(), maps, ROWS, COLUMNS)
    assert found.transient[5].float().mean() > 0.5  # one that differs from all is contradicted by them
    assert not found.transient[torch.arange(24) != 5].any()


def test_patches_of_another_shape_say_the_same() -> None:
    scene, where, maps, found = passed("room")
    coarse = contradicted(scene.scene(), maps, 30, 40)
    larger = coarse.transient.repeat_interleave(2, dim=1).repeat_interleave(2, dim=2)
    assert (larger & where).sum() > 0.7 * (found.transient & where).sum()
    assert (larger & where).sum() > 0.75 * larger.sum()
