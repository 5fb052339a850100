"""Batches of pixels: the right ones, the same ones for the same step, and only from what the fit may look
at."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from neurfield.config import DataConfig
from neurfield.errors import UserError
from neurfield.fitting.pixels import PixelSampler, is_held_out, thinned, used_sources
from neurfield.rendering.rays import UnitFrame
from neurfield.scenes import Scene
from tests.fitting.conftest import CENTRE, RADIUS

CPU = torch.device("cpu")


def sampler(scene: Scene, seed: int = 0, **data: object) -> PixelSampler:
    config = DataConfig(images_per_step=4, **data)  # type: ignore[arg-type]
    used = used_sources(scene, config)
    frame = UnitFrame.around(scene.box)
    return PixelSampler(used, config, frame, frame.box_in_unit(scene.box), rays=128, seed=seed)


def test_depth_puts_the_point_on_the_surface(sphere_scene: Scene) -> None:
    source = sampler(sphere_scene)
    pixels = source.batch(3, CPU)
    assert pixels.t_depth is not None and pixels.mask is not None
    hit = pixels.t_depth > 0
    assert torch.equal(hit, pixels.mask > 0.5) and hit.any()
    points = source.frame.world_from_unit(
        (pixels.rays.origins + pixels.t_depth[:, None] * pixels.rays.directions)[hit].numpy()
    )
    np.testing.assert_allclose(np.linalg.norm(points - CENTRE, axis=1), RADIUS, atol=2e-3)


def test_the_same_step_gives_the_same_pixels(sphere_scene: Scene) -> None:
    a, b, other = (
        sampler(sphere_scene).batch(5, CPU),
        sampler(sphere_scene).batch(5, CPU),
        sampler(sphere_scene, seed=1).batch(5, CPU),
    )
    assert torch.equal(a.rays.directions, b.rays.directions) and torch.equal(a.rgb, b.rgb)
    assert not torch.equal(a.rays.directions, other.rays.directions)


def test_every_frame_gets_its_turn_and_held_out_ones_none(sphere_scene: Scene) -> None:
    seen = np.concatenate([sampler(sphere_scene)._frames_of(step) for step in range(3)])
    assert sorted(seen) == list(range(12))
    kept = sampler(sphere_scene, holdout_every=4)
    assert set(kept.frames) == {i for i in range(12) if not is_held_out(i, 4)} == set(range(12)) - {2, 6, 10}


def test_reordering_keeps_rows_together(sphere_scene: Scene) -> None:
    pixels = sampler(sphere_scene).batch(0, CPU)
    order = torch.randperm(len(pixels.rays), generator=torch.Generator().manual_seed(0))
    again = pixels.reorder(order).reorder(torch.argsort(order))
    assert torch.equal(again.rgb, pixels.rgb) and torch.equal(again.rays.origins, pixels.rays.origins)
    assert torch.equal(again.group, pixels.group) and again.frames == pixels.frames


def test_only_what_is_asked_for_is_looked_at(sphere_scene: Scene) -> None:
    assert "sensor_depth" in used_sources(sphere_scene, DataConfig()).sources
    assert used_sources(sphere_scene, DataConfig(sensor_depth="off", mask=False)).sources == {"image"}
    with pytest.raises(UserError, match="no exact depth"):
        used_sources(sphere_scene, DataConfig(sensor_depth="exact"))


def test_scenes_too_large_for_memory_are_thinned_evenly(sphere_scene: Scene) -> None:
    assert thinned(sphere_scene) is sphere_scene
    few = thinned(sphere_scene, budget=4 * 48 * 48 * 8.0)
    assert len(few) == 4
    np.testing.assert_array_equal(few.cameras.centers, sphere_scene.cameras.centers[[0, 4, 7, 11]])
