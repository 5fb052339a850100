"""Frames chosen by what they cover: what few of them show is kept, and copies are left out."""

from __future__ import annotations

import numpy as np
import pytest

from neurfield.scenes import Cameras
from neurfield.scenes.cover import box_of_cameras, covering_frames
from neurfield.scenes.frames import spread
from tests.fusion.box_room import cameras_of, pose_looking

BOX = np.array([[0.0, 0.0, 0.0], [10.0, 4.0, 3.0]])


def corridor() -> Cameras:
    """200 frames along a corridor that look ahead, but three in a row that look back."""
    poses = []
    for k in range(200):
        back = k in BACK
        poses.append(
            pose_looking(np.pi if back else 0.02 * np.sin(k), 0.0, np.array([1.0 + 0.04 * k, 2.0, 1.5]))
        )
    return cameras_of(poses, (48, 64), 50.0)


BACK = (97, 98, 99)


def test_what_few_frames_show_is_not_missed() -> None:
    cameras = corridor()
    for keep in (4, 10, 20):
        even, chosen = spread(200, keep), covering_frames(cameras, BOX, keep)
        assert not set(BACK) & set(even.tolist())
        assert set(BACK) & set(chosen.tolist())
        assert np.diff(chosen).max() < 100 and chosen.max() > 150  # seen from afar is not seen: all along it
        assert len(chosen) == keep and (np.diff(chosen) > 0).all()


def test_where_somebody_stood_still_few_are_taken() -> None:
    """100 of 150 frames are of one place and direction; the others turn around."""
    still = [pose_looking(0.0, 0.0, np.array([5.0, 2.0, 1.5]))] * 100
    turning = [pose_looking(2.0 * np.pi * k / 50, 0.0, np.array([5.0, 2.0, 1.5])) for k in range(50)]
    chosen = covering_frames(cameras_of([*still, *turning], (48, 64), 50.0), BOX, 15)
    assert (chosen < 100).sum() <= 3


def test_a_choice_follows_from_the_cameras_alone() -> None:
    cameras = corridor()
    chosen = covering_frames(cameras, BOX, 30)
    np.testing.assert_array_equal(chosen, covering_frames(cameras, BOX, 30))
    backwards = covering_frames(cameras.select(np.arange(200)[::-1]), BOX, 30)
    assert len(backwards) == 30 and set((199 - backwards).tolist()) & set(BACK)


def test_all_frames_cover_what_all_frames_cover() -> None:
    np.testing.assert_array_equal(covering_frames(corridor(), BOX, 500), np.arange(200))


def test_enough_is_enough() -> None:
    """Frames that see one thing alone: as many are taken as it takes to show it so often."""
    cameras = cameras_of([pose_looking(0.0, 0.0, np.array([5.0, 2.0, 1.5]))] * 40, (48, 64), 50.0)
    assert len(covering_frames(cameras, BOX, 40, least_news=0.099)) == 10


@pytest.mark.parametrize("scale", [2.0**-7, 2.0**7])
def test_no_unit_is_assumed(scale: float) -> None:
    cameras = corridor()
    poses = cameras.world_from_cam.copy()
    poses[:, :3, 3] *= scale
    scaled = cameras_of(list(poses), (48, 64), 50.0)
    chosen = covering_frames(cameras, box_of_cameras(cameras), 12)
    np.testing.assert_array_equal(covering_frames(scaled, box_of_cameras(scaled), 12), chosen)
    assert set(BACK) & set(chosen.tolist())


def test_one_place_or_one_camera_is_no_error() -> None:
    one = cameras_of([pose_looking(0.3, 0.0, np.zeros(3))], (48, 64), 50.0)
    np.testing.assert_array_equal(covering_frames(one, box_of_cameras(one), 5), [0])
    nowhere = BOX + 100.0
    assert len(covering_frames(corridor(), nowhere, 7)) == 7
