"""Orbits: all of an object is in the picture; in a room no camera is in a wall."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from neurfield.scenes.orbits import around, tilt_of, within

UP = np.array([0.0, 0.0, 1.0])


def corners(box: np.ndarray) -> np.ndarray:
    return np.stack(np.meshgrid(*box.T, indexing="ij"), -1).reshape(-1, 3)


@pytest.mark.parametrize("size", [(64, 48), (40, 90)])
@pytest.mark.parametrize("tilt", [5.0, 20.0, 50.0])
def test_all_of_the_box_is_always_in_the_picture_and_fills_it(size, tilt):
    box = np.array([[-0.2, 4.0, 1.0], [0.9, 4.4, 3.0]]) + 4e5
    cameras = around(corners(box), UP, tilt, 2.0, size, 10.0).cameras()
    reach = 0.0
    for i in range(len(cameras)):
        uv, _ = cameras.project(i, corners(box))
        assert cameras.in_view(i, corners(box)).all()
        reach = max(reach, np.abs(uv / size * 2.0 - 1.0).max())
    assert reach > 0.9
    assert tilt_of(cameras, box.mean(axis=0), UP) == pytest.approx(tilt, abs=0.2)
    assert (-cameras.world_from_cam[:, 2, 1] > 0.5).all()  # upright


@pytest.mark.parametrize("up", [UP, [0.0, -1.0, 0.0], [0.3, 0.2, 0.9]])
def test_up_may_be_any_way(up):
    cameras = around(corners(np.array([[-1.0] * 3, [1.0] * 3])), np.array(up), seconds=1.0).cameras()
    level = cameras.world_from_cam[:, :3, 0] @ (np.array(up) / np.linalg.norm(up))
    assert np.abs(level).max() < 1e-3


def room(points: np.ndarray) -> np.ndarray:
    """An L of 6 x 5 m, 2.5 high, with a column in it; beyond its walls the field says nonsense."""
    x, y, z = points.T
    long = np.minimum.reduce([x, 6.0 - x, y, 2.5 - y])
    short = np.minimum.reduce([x, 2.5 - x, y, 5.0 - y])
    inside = np.minimum(np.maximum(long, short), np.minimum(z, 2.5 - z))
    column = np.hypot(x - 3.5, y - 1.2) - 0.2
    value = np.minimum(inside, column)
    return np.where(inside < -0.3, 5.0, value)


@pytest.mark.parametrize("eyes", [True, False])
@pytest.mark.parametrize("turn", [0.0, 37.0])
def test_a_round_in_a_room_stays_clear_of_it(eyes, turn):
    """Turned about the vertical, too: nothing rests on the axes of the world."""
    rotation = Rotation.from_euler("z", turn, degrees=True).as_matrix()
    box = corners(np.array([[-0.5, -0.5, -0.1], [6.5, 5.5, 2.6]])) @ rotation.T
    box = np.stack([box.min(axis=0), box.max(axis=0)])
    stood = (np.array([[1.0, 1.0, 1.4], [4.5, 1.2, 1.5], [1.2, 4.0, 1.4]]) @ rotation.T) if eyes else None
    # Without cameras nothing tells rooms apart: there beyond the walls is solid.
    field = room if eyes else lambda p: np.minimum(room(p), np.where(room(p) > 3.0, -1.0, 9.0))
    walk = within(box, UP, lambda p: field(p @ rotation), stood, 4.0, fps=20.0)
    cameras = walk.cameras()
    clear = field(cameras.centers @ rotation)
    assert clear.min() > 0.1 and clear.max() < 3.0
    assert np.ptp(cameras.centers[:, 2]) < 1e-6
    heading = np.degrees(np.unwrap(np.arctan2(*cameras.view_directions[:, 1::-1].T)))
    assert abs(heading[-1] - heading[0]) == pytest.approx(360.0, abs=15.0)  # it looks everywhere
    assert np.abs(cameras.world_from_cam[:, 2, 0]).max() < 2e-2


def test_where_there_is_no_room_it_turns_on_the_spot():
    walk = within(np.array([[0.0] * 3, [1.0] * 3]), UP, lambda p: np.full(len(p), -1.0), seconds=1.0)
    assert np.isfinite(walk.cameras().centers).all()
