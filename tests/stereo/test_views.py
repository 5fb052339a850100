"""Sources of a reference: by angle, overlap, scale and spread."""

from __future__ import annotations

import numpy as np

from neurfield.scenes import Cameras
from neurfield.stereo import select_sources
from neurfield.stereo.views import look_alike
from tests.scenes.tiny_scenes import look_at

TARGET = np.zeros(3)
POINTS = np.stack(np.meshgrid(*[np.linspace(-0.3, 0.3, 5)] * 3), axis=-1).reshape(-1, 3)


def arc(degrees, distance=2.0, focal=100.0, shift=0.0) -> Cameras:
    """Cameras on an arc around the middle, all looking there."""
    turn = np.radians(degrees)
    centers = distance * np.stack([np.cos(turn), np.sin(turn), 0.0 * turn], axis=1)
    poses = np.stack([look_at(c, TARGET) for c in centers])
    poses[:, :3, 3] += shift
    return Cameras(poses, focal, focal, 60.0, 45.0, 120, 90)


def select(cameras: Cameras, r: int = 0, count: int = 4, points=POINTS, **more) -> list[int]:
    (row,) = select_sources(cameras, np.array([r]), [points], count=count, best_angle=12.0, **more)
    return row.tolist()


def test_the_best_angle_comes_first_and_none_is_too_wide() -> None:
    cameras = arc(np.array([0.0, 4.0, 12.0, 30.0, 58.0, 80.0, 180.0]))
    chosen = select(cameras, count=6)
    assert chosen[0] == 2 and 5 not in chosen and 6 not in chosen


def test_cameras_that_only_turned_are_no_sources() -> None:
    turned = arc(np.array([0.0, 0.0, 0.0, 15.0]))
    poses = turned.world_from_cam.copy()
    for k, degrees in ((1, 5.0), (2, -5.0)):
        c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
        poses[k, :3, :3] = poses[k, :3, :3] @ np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
    cameras = Cameras(poses, 100.0, 100.0, 60.0, 45.0, 120, 90)
    assert select(cameras) == [3, -1, -1, -1]
    assert select(cameras.select(np.array([0, 1, 2]))) == [-1] * 4


def test_narrow_angles_serve_where_there_is_nothing_else_and_still_parallax() -> None:
    far = arc(np.array([0.0, 1.2]), focal=1000.0)
    assert select(far, count=1, points=0.2 * POINTS) == [1]
    assert select(arc(np.array([0.0, 1.2, 8.0]), focal=1000.0), count=3, points=0.2 * POINTS) == [2, -1, -1]
    assert select(arc(np.array([0.0, 0.02]), focal=1000.0), count=1, points=0.2 * POINTS) == [-1]


def test_sources_surround_the_reference() -> None:
    # Five neighbours on one side, at the best angle, and one on the other, a little worse.
    cameras = arc(np.array([0.0, 11.6, 11.8, 12.0, 12.2, 12.4, -16.0]))
    assert 6 in select(cameras, count=2)


def test_much_coarser_pictures_come_last() -> None:
    cameras = arc(np.array([0.0, 12.0, -12.0]))
    coarse = Cameras(cameras.world_from_cam, [100.0, 30.0, 100.0], [100.0, 30.0, 100.0], 60.0, 45.0, 120, 90)
    assert select(coarse, count=2) == [2, 1]


def test_no_overlap_no_source_and_no_points_no_source() -> None:
    cameras = arc(np.array([0.0, 12.0]))
    away = cameras.world_from_cam.copy()
    away[1] = look_at(cameras.centers[1], 2.0 * cameras.centers[1])
    assert select(Cameras(away, 100.0, 100.0, 60.0, 45.0, 120, 90)) == [-1] * 4
    assert select(cameras, points=POINTS[:0]) == [-1] * 4


def test_only_candidates_are_chosen() -> None:
    cameras = arc(np.array([0.0, 12.0, 14.0, -12.0]))
    assert set(select(cameras, candidates=np.array([True, False, True, True]))) == {2, 3, -1}


def test_places_far_from_zero_are_chosen_alike() -> None:
    degrees = np.array([0.0, 4.0, 9.0, 13.0, -15.0, 30.0])
    far = np.array([4.4e6, 5.1e5, 250.0])
    assert select(arc(degrees)) == select(arc(degrees, shift=far), points=POINTS + far)


def test_most_cameras_need_another_to_which_their_object_looks_alike() -> None:
    assert look_alike(arc(np.array([0.0, 20.0, 40.0])))
    assert not look_alike(arc(np.array([0.0, 90.0, 180.0])))  # each is like itself alone
    assert not look_alike(arc(np.array([0.0, 0.1, 0.2])))  # no two see it from different sides
    assert not look_alike(arc(np.array([0.0, 20.0, 100.0, 180.0, 260.0])))  # two of five
    assert look_alike(arc(np.array([0.0, 20.0, 30.0, 100.0, 180.0])))  # three of five
    assert not look_alike(arc(np.array([0.0])))
