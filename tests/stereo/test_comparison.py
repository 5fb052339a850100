"""Two photographs alone: searched a pixel at a time, at full size, and not by brightness to the letter."""

from __future__ import annotations

import dataclasses
import importlib

import numpy as np
import pytest
import torch

from neurfield.ops import StereoPictures, sweep_depth
from neurfield.stereo import StereoSettings, match
from neurfield.stereo.comparison import MOST_PLANES, SEVERAL, SINGLE, Comparison, comparison_of
from neurfield.stereo.ranges import Search
from tests.stereo import made

SMALL = StereoSettings(planes=32, passes=1, geometric=0)
MATCH = importlib.import_module("neurfield.stereo.match")


def pair(focal: float = 200.0, baseline: float = 0.1) -> StereoPictures:
    pose = torch.eye(4, dtype=torch.float64).repeat(3, 1, 1)
    pose[1:, 0, 3] = torch.tensor([-baseline, -3 * baseline])
    lens = torch.tensor([focal, focal, 40.0, 30.0]).repeat(3, 1)
    return StereoPictures(torch.full((3, 60, 80), 100, dtype=torch.uint8), lens, pose)


def test_what_each_reference_has_says_how_pictures_are_compared() -> None:
    assert comparison_of(torch.tensor([[1, -1], [0, -1]])) is SINGLE
    assert comparison_of(torch.tensor([[1, -1], [0, 2]])) is SEVERAL


@pytest.mark.parametrize(("near", "wanted"), [(0.5, 37), (0.25, 77), (0.01, MOST_PLANES)])
def test_planes_lie_a_pixel_apart_as_far_as_there_are_enough(near: float, wanted: int) -> None:
    """Disparity f b / z goes from 4 pixels at 5 m to 40 at half a metre; the third picture is no source."""
    search = Search(torch.tensor([0.2]), torch.tensor([1 / near]))
    given = pair(), torch.tensor([0]), torch.tensor([[1, -1]]), search
    assert abs(SINGLE.planes(*given, 16) - wanted) <= 1
    assert SINGLE.planes(*given, 300) == 300 and SEVERAL.planes(*given, 16) == 16


def matched(scene: made.MadeScene, comparison: Comparison, patch: pytest.MonkeyPatch) -> np.ndarray:
    """Relative errors of depth where views 3 and 4 alone are matched."""
    patch.setattr(MATCH, "comparison_of", lambda sources: comparison)
    maps = match(scene.scene().with_frames(np.array([3, 4])), SMALL)
    depth, true = maps.depth.numpy(), scene.depth[3:5]
    known = (depth > 0) & (true > 0)
    return np.abs(depth[known] / true[known] - 1)


def test_a_lens_that_is_darker_at_its_rim_moves_no_depth(monkeypatch: pytest.MonkeyPatch) -> None:
    worse, _ = made.textured_room().altered(noise=1.0, vignetting=0.25, seed=1)
    strict = matched(worse, dataclasses.replace(SINGLE, tolerance=0.0), monkeypatch)
    lenient = matched(worse, SINGLE, monkeypatch)
    assert len(lenient) > 0.95 * len(strict)
    assert np.median(lenient) < 0.9 * np.median(strict)
    assert (lenient > 0.02).mean() < 0.9 * (strict > 0.02).mean()


def test_two_photographs_are_searched_at_full_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """And several at half of it, where pictures are large; each with its own windows."""
    seen = []

    def swept(pictures: StereoPictures, *rest: object, **numbers: int) -> object:
        seen.append((pictures.grey.shape[2], pictures.tolerance, dict(numbers)))
        return sweep_depth(pictures, *rest, **numbers)

    monkeypatch.setattr("neurfield.stereo.stages.sweep_depth", swept)
    scene = made.textured_room().scene()
    for count, factor, comparison in ((2, 1, SINGLE), (3, 2, SEVERAL)):
        seen.clear()
        match(scene.with_frames(np.arange(count)), dataclasses.replace(SMALL, halved_from=32))
        assert seen
        for look in seen:
            assert look == (scene.image(0).shape[1] // factor, comparison.tolerance, comparison.sweep)


def test_maps_of_two_photos_are_held_to_each_other_twice_unless_nothing_is() -> None:
    two = made.textured_room().scene().with_frames(np.arange(2))

    def rounds(settings: StereoSettings) -> int:
        told: list[tuple[str, float]] = []
        match(two, settings, progress=lambda words, part: told.append((words, part)))
        return sum(words == "holding maps to each other" for words, _ in told)

    assert [rounds(dataclasses.replace(SMALL, geometric=asked)) for asked in (0, 1, 3)] == [0, 2, 3]
