"""A walk over all pixels meets each once, and is everywhere at any time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from neurfield.pixels import Walk
from neurfield.scenes import Cameras, Scene


def cameras_of(scene: Scene, width: list[int], height: list[int]) -> Cameras:
    cameras = scene.cameras.select(np.arange(len(width)))
    return replace(cameras, width=np.array(width), height=np.array(height))


@pytest.mark.parametrize(
    ("width", "height"), [([5, 7, 4], [3, 2, 4]), ([6], [6]), ([1], [1]), ([2, 3], [1, 5])]
)
def test_every_pixel_comes_once_before_any_comes_again(
    sphere_scene: Scene, width: list[int], height: list[int]
) -> None:
    walk = Walk(cameras_of(sphere_scene, width, height), seed=3)
    pixels = {(i, y, x) for i, (w, h) in enumerate(zip(width, height)) for y in range(h) for x in range(w)}
    chosen = [walk.choose(step, 3) for step in range(2 * len(pixels))]
    order = [place for one in chosen for place in zip(one.camera, one.row, one.column)]
    for begin in range(0, len(order) - len(pixels), len(pixels)):
        assert {tuple(map(int, place)) for place in order[begin : begin + len(pixels)]} == pixels


def test_a_short_stretch_is_of_all_pictures_and_seeds_differ(sphere_scene: Scene) -> None:
    walk = Walk(sphere_scene.cameras, seed=0)
    one = walk.choose(17, 240)
    assert np.bincount(one.camera, minlength=12).tolist() == pytest.approx([20] * 12, abs=2)
    for side in (one.row, one.column):
        assert np.histogram(side, 4, (0, 48))[0].min() > 30
    other = Walk(sphere_scene.cameras, seed=1).choose(17, 240)
    assert not np.array_equal(one.row, other.row)
    whole, halves = walk.choose(3, 100), [walk.choose(step, 50) for step in (6, 7)]
    np.testing.assert_array_equal(whole.row, np.concatenate([half.row for half in halves]))
