"""Viewpoints hold what they look at."""

from __future__ import annotations

import numpy as np
import pytest

from neurfield.report.viewpoints import Viewpoint, four_sides, look_at
from neurfield.scenes.upright import up_direction

UP = np.array([0.0, 0.0, 1.0])


def in_picture(view: Viewpoint, points: np.ndarray, aspect: float) -> np.ndarray:
    """Points [k,3] in units of half the picture: within -1..1 they are seen."""
    in_cam = (points - view.eye) @ view.world_from_cam[:3, :3]
    assert (in_cam[:, 2] > 0).all()
    half = np.tan(np.radians(view.fov) / 2) * np.array([aspect, 1.0])
    return in_cam[:, :2] / in_cam[:, 2:] / half


@pytest.mark.parametrize("up", np.eye(3))
@pytest.mark.parametrize("aspect", [0.7, 1.6])
@pytest.mark.parametrize("size", [[1, 1, 1], [6, 4, 2.7], [0.1, 0.1, 3]])
def test_an_object_fills_its_pictures(up: np.ndarray, aspect: float, size: list[float]) -> None:
    box = np.array([[5.0, -3.0, 2.0]]) + np.array([[0, 0, 0], size])
    corners = np.array([[box[i][0], box[j][1], box[k][2]] for i in (0, 1) for j in (0, 1) for k in (0, 1)])
    views = four_sides(box, "outside", up, aspect)
    assert len(views) == 4
    for view in views:
        places = in_picture(view, corners, aspect)
        assert np.abs(places).max() < 1.0
        assert np.abs(places).max() > 0.9
        assert np.abs((places.min(axis=0) + places.max(axis=0)) / 2).max() < 0.02
        assert (view.eye - box.mean(axis=0)) @ up > 0


def test_a_room_is_seen_from_higher_up() -> None:
    box = np.array([[0.0, 0, 0], [5.2, 4.2, 2.7]])
    for room, thing in zip(four_sides(box, "inside", UP), four_sides(box, "outside", UP)):
        down = [view.world_from_cam[:3, 2] @ UP for view in (room, thing)]
        assert down[0] < down[1] < 0


def test_poses_are_rotations_with_up_upwards() -> None:
    view = look_at(np.array([1.0, 2.0, 3.0]), np.array([4.0, 0.0, 1.0]), UP)
    rotation = view.world_from_cam[:3, :3]
    assert rotation.T @ rotation == pytest.approx(np.eye(3))
    assert np.linalg.det(rotation) == pytest.approx(1.0)
    assert rotation[:, 1] @ UP < 0  # y is down
    straight_down = look_at(np.array([0.0, 0.0, 5.0]), np.zeros(3), UP).world_from_cam[:3, :3]
    assert np.linalg.det(straight_down) == pytest.approx(1.0)


def test_rays_go_through_pixel_centres() -> None:
    view = look_at(np.array([0.0, -2.0, 0.0]), np.zeros(3), UP, fov=90.0)
    rays = view.directions(3, 3).reshape(3, 3, 3)
    assert rays[1, 1] == pytest.approx([0, 1, 0])
    assert rays[0, 1] / rays[0, 1][1] == pytest.approx(
        [0, 1, 2 / 3]
    )  # tan 45 degrees, a third of the height up
    assert rays[1, 2] / rays[1, 2][1] == pytest.approx([2 / 3, 1, 0])


def cameras_that_hold(up: np.ndarray, count: int = 20) -> np.ndarray:
    """Poses that look about, somewhat downwards, held upright with respect to `up`."""
    random = np.random.default_rng(0)
    eyes = random.normal(size=(count, 3)) * 3
    targets = eyes + random.normal(size=(count, 3)) - 0.3 * up
    return np.stack([look_at(eye, target, up).world_from_cam for eye, target in zip(eyes, targets)])


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("sign", [-1.0, 1.0])
def test_up_is_found_and_snaps_to_an_axis(axis: int, sign: float) -> None:
    up = sign * np.eye(3)[axis]
    assert up_direction(cameras_that_hold(up)) == pytest.approx(up)


def test_up_that_is_no_axis_stays_as_it_is() -> None:
    up = np.array([1.0, 1.0, 0.0]) / np.sqrt(2)
    found = up_direction(cameras_that_hold(up))
    assert found @ up > 0.95 and np.linalg.norm(found) == pytest.approx(1.0)


def test_cameras_every_way_up_say_nothing() -> None:
    flipped = np.tile(np.eye(4), (2, 1, 1))
    flipped[1, :3, :3] = np.diag([-1.0, -1.0, 1.0])
    assert up_direction(flipped) == pytest.approx(UP)
