"""Which frames of many get maps: those that cover what all see, whatever the number of frames."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from neurfield.scenes import Cameras, Scene
from neurfield.stereo.settings import StereoSettings
from neurfield.stereo.survey import MANY, references_of
from tests.fusion.box_room import cameras_of, pose_looking


def walk(frames: int, back: range = range(0)) -> Cameras:
    """Around a room, looking ahead; in a few frames in a row looking across it and down."""
    poses = []
    for k in range(frames):
        angle = 2.0 * np.pi * k / frames
        place = np.array([2.0 * np.cos(angle), 1.5 * np.sin(angle), 1.5])
        turned, down = (np.pi, -1.0) if k in back else (0.5 * np.pi, 0.0)
        poses.append(pose_looking(angle + turned, down, place))
    return cameras_of(poses, (48, 64), 40.0)


def chosen(cameras: Cameras, settings: StereoSettings | None = None) -> np.ndarray:
    return references_of(Scene("walk", Path("walk"), cameras, {}), cameras, settings or StereoSettings())


def test_few_frames_are_taken_by_their_number() -> None:
    np.testing.assert_array_equal(chosen(walk(79)), np.arange(79))
    np.testing.assert_array_equal(chosen(walk(MANY - 1)), np.arange(0, MANY - 1, 2))
    np.testing.assert_array_equal(chosen(walk(300), StereoSettings(every=3)), np.arange(0, 300, 3))


def test_of_more_frames_of_the_same_hardly_more_get_maps() -> None:
    once, twice = chosen(walk(200)), chosen(walk(800))
    assert 20 <= len(once) <= 100 and len(twice) < 1.25 * len(once)
    assert np.diff(twice).max() < 800 / 8  # all around


def test_what_few_frames_see_has_maps() -> None:
    back = range(201, 204)
    found = chosen(walk(400, back))
    assert set(back) & set(found.tolist())
