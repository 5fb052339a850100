from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tiny_scenes import (
    FOCAL,
    HEIGHT,
    ROOM,
    WIDTH,
    all_pixels,
    grey,
    look_at,
    ring_cameras,
    room_cameras,
    write_replica,
    write_transforms,
)

from neurfield.errors import UserError
from neurfield.scenes import Cameras, Scene, load_scene
from neurfield.scenes.box import (
    box_around_cameras,
    box_in_view,
    box_of_object,
    box_of_room,
    cameras_in_box_view,
    cameras_kind,
    decided_box,
    nearest_to_axes,
    not_alone,
)
from neurfield.scenes.check import check_before_fit
from neurfield.scenes.in_common import part_in_common

CENTRE = np.array([3.0, -2.0, 0.7])
KEYS = {"fl_x": FOCAL}


def cameras_at(centers, targets):
    poses = np.stack([look_at(np.array(c, float), np.array(t, float)) for c, t in zip(centers, targets)])
    return Cameras(poses, FOCAL, FOCAL, WIDTH / 2, HEIGHT / 2, WIDTH, HEIGHT)


def side_by_side():
    """Cameras in a row that all look the same way."""
    return cameras_at([[x, 0, 1] for x in range(6)], [[x, 5, 1] for x in range(6)])


def cap():
    """Cameras on a part of a sphere, as a robot arm takes pictures of an object."""
    rng = np.random.default_rng(0)
    directions = rng.normal([0, -1, 0.5], 0.25, (20, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    return cameras_at(CENTRE + 0.6 * directions, CENTRE + rng.normal(0, 0.02, (20, 3)))


@pytest.mark.parametrize(
    ("cameras", "kind"),
    [
        (room_cameras(), "inside"),
        (side_by_side(), "inside"),
        (ring_cameras(CENTRE), "outside"),
        (cap(), "outside"),
        (cameras_at([[0, 0, 1]], [[1, 0, 1]]), "inside"),
    ],
)
def test_cameras_tell_a_room_from_an_object(cameras, kind):
    assert cameras_kind(cameras) == kind


def test_the_kind_does_not_depend_on_where_the_world_is_nor_on_its_unit():
    for make, kind in ((room_cameras, "inside"), (lambda: ring_cameras(CENTRE), "outside")):
        poses = make().world_from_cam.copy()
        poses[:, :3, 3] = poses[:, :3, 3] * 1000 + [1e4, -2e4, 500]
        assert cameras_kind(Cameras(poses, FOCAL, FOCAL, 32, 24, WIDTH, HEIGHT)) == kind


def test_depth_shows_that_a_tour_looking_at_the_middle_of_a_room_is_inside(tmp_path):
    # From the cameras alone this is a ring around an object.
    folder = write_replica(tmp_path / "room7", extras=False)
    scene = load_scene(folder)
    assert scene.kind == "inside"


def test_the_point_all_axes_pass_by():
    np.testing.assert_allclose(nearest_to_axes(ring_cameras(CENTRE)), CENTRE, atol=1e-9)
    assert nearest_to_axes(side_by_side()) is None


def test_the_box_of_a_room_with_depth_is_the_room(replica):
    scene = load_scene(replica)
    assert scene.kind == "inside"
    for known in (scene, scene.without("depth")):
        np.testing.assert_allclose(known.box, np.stack([ROOM[0] - 0.05, ROOM[1] + 0.05]), atol=0.06)


def test_cameras_are_inside_the_box_of_their_room(replica):
    scene = load_scene(replica)
    for known in (scene, scene.without("depth", "sensor_depth")):
        assert (known.cameras.centers > known.box[0]).all() and (known.cameras.centers < known.box[1]).all()


def test_padding_is_on_every_side():
    cameras = room_cameras()
    box = box_around_cameras(cameras, pad=0.5)
    np.testing.assert_allclose(box[1] - box[0], np.ptp(cameras.centers, axis=0) + 1.0)


def test_the_box_of_an_object_without_masks_is_a_cube_that_no_camera_is_in():
    cameras = ring_cameras(CENTRE)
    box = box_in_view(cameras)
    np.testing.assert_allclose(box.mean(axis=0), CENTRE, atol=1e-9)
    assert np.ptp(box[1] - box[0]) < 1e-9
    outside = (cameras.centers < box[0]) | (cameras.centers > box[1])
    assert outside.any(axis=1).all()
    assert cameras_in_box_view(cameras, box).all()


def write_ball(folder, radius=0.3, off=(0.0, 0.0, 0.0)):
    """A masked ball off the point that the cameras look at."""
    cameras = ring_cameras(CENTRE, count=20)

    def paint(i):
        _, directions, _ = cameras.rays(np.full(WIDTH * HEIGHT, i), all_pixels())
        to_ball = CENTRE + off - cameras.centers[i]
        beside = np.linalg.norm(np.cross(directions, to_ball), axis=1)
        alpha = ((beside < radius) * 255).astype(np.uint8).reshape(HEIGHT, WIDTH)
        return np.dstack([grey(i), alpha])

    write_transforms(folder, cameras, KEYS, paint)
    return folder


def test_the_box_of_a_masked_object_holds_it_and_little_more(tmp_path):
    off = np.array([0.15, -0.1, 0.05])
    box = load_scene(write_ball(tmp_path, off=off)).box
    ball = np.stack([CENTRE + off - 0.3, CENTRE + off + 0.3])
    assert (box[0] < ball[0]).all() and (box[1] > ball[1]).all()
    assert ((box[1] - box[0]) < 1.7 * 0.6).all()


def test_masks_that_have_nothing_in_common_are_the_users_to_mend(tmp_path):
    folder = write_ball(tmp_path)
    scene = load_scene(folder)
    poses = scene.cameras.world_from_cam.copy()
    poses[:, :3, 3] += 3 * np.eye(3)[np.arange(len(poses)) % 3]
    spoilt = Cameras(poses, FOCAL, FOCAL, 32, 24, WIDTH, HEIGHT)
    write_transforms(
        folder / "spoilt", spoilt, KEYS, lambda i: np.dstack([scene.image(i), scene.mask(i) * np.uint8(255)])
    )
    broken = load_scene(folder / "spoilt")
    with pytest.raises(UserError, match="no place is inside the masks"):
        decided_box(broken, "outside", outlined=True)


def test_which_cameras_look_at_a_box():
    cameras = cameras_at([[0, 0, 0], [0, 0, 0], [10, 0, 0]], [[1, 0, 0], [-1, 0, 0], [11, 0, 0]])
    box = np.array([[2.0, -1.0, -1.0], [4.0, 1.0, 1.0]])
    np.testing.assert_array_equal(cameras_in_box_view(cameras, box), [True, False, False])
    around_last = np.array([[9.9, -0.1, -0.1], [10.1, 0.1, 0.1]])
    assert cameras_in_box_view(cameras, around_last)[2], "a camera within a box sees it"


def test_sparse_points_bound_a_room_by_shares_of_its_size():
    rng = np.random.default_rng(0)
    points = rng.uniform([-3, -2, 0], [3, 2, 2.5], (2000, 3))
    points[:10] = rng.uniform(-400, 400, (10, 3))  # half a percent of nonsense
    cameras = room_cameras()
    low, high = box_of_room(cameras, points)
    for side, expected in ((low, [-3, -2, 0]), (high, [3.5, 2.8, 2.5])):  # cameras stand as far as 3.5, 2.8
        np.testing.assert_allclose(side, expected, atol=0.5)
    ten = box_of_room(replace(cameras, world_from_cam=_times(cameras.world_from_cam, 10.0)), 10 * points)
    np.testing.assert_allclose(ten, 10 * np.stack([low, high]), rtol=1e-9)


def test_sparse_points_bound_an_object_10_percent_wider():
    rng = np.random.default_rng(0)
    box = box_of_object(rng.uniform([-0.5, -0.5, 0], [0.5, 0.5, 1], (500, 3)))
    np.testing.assert_allclose(box, [[-0.6, -0.6, -0.1], [0.6, 0.6, 1.1]], atol=0.03)


def test_a_long_thing_on_a_street_is_held_to_its_ends_and_the_houses_are_not(tmp_path):
    rng = np.random.default_rng(0)
    car = CENTRE + rng.uniform([-2, -0.9, -0.7], [2, 0.9, 0.7], (2000, 3))
    street = CENTRE + np.column_stack([rng.uniform(-12, 12, (8000, 2)), np.full(8000, -0.7)])
    houses = CENTRE + rng.uniform([-12, 8.8, -0.7], [12, 9.2, 6], (4000, 3))
    turn = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    eyes = CENTRE + np.column_stack([4.4 * np.cos(turn), 3.7 * np.sin(turn), np.full(40, 0.9)])
    cameras = cameras_at(eyes, np.tile(CENTRE, (40, 1)))
    scene = Scene("car", tmp_path, cameras, {}, points=np.concatenate([car, street, houses]))
    assert scene.kind == "outside"
    low, high = scene.box - CENTRE
    assert (low < [-2, -0.9, -0.7]).all() and (high > [2, 0.9, 0.6]).all()
    assert np.abs(scene.box[:, :2] - CENTRE[:2]).max() < 3.6 and high[2] < 1.6
    # What most of a picture shows reaches less far than a long thing does.
    assert box_in_view(cameras)[1, 0] - CENTRE[0] < 2


def test_what_stands_behind_a_thing_seen_from_one_side_is_left_out():
    rng = np.random.default_rng(0)
    thing, wall = rng.uniform(-0.5, 0.5, (500, 3)), rng.uniform([3, -2, -2], [3.1, 2, 2], (300, 3))
    eyes = np.column_stack([np.full(9, -4.0), np.linspace(-1, 1, 9), np.zeros(9)])
    kept = part_in_common(cameras_at(eyes, np.zeros((9, 3))), np.concatenate([wall, thing]))
    np.testing.assert_array_equal(kept, thing)
    assert len(part_in_common(cameras_at(eyes, np.zeros((9, 3))), wall - [20, 0, 0])) == 0


def test_stray_points_are_left_out_and_thin_parts_are_not():
    rng = np.random.default_rng(0)
    body = rng.uniform([-0.5, -0.5, 0], [0.5, 0.5, 1], (1000, 3))
    handle = rng.uniform([0.7, -0.02, 0.4], [0.9, 0.02, 0.6], (9, 3))  # fewer than a percent
    stray = rng.uniform(-1.9, 1.9, (30, 3))
    stray = stray[np.abs(stray).max(axis=1) > 1.3]
    kept = not_alone(np.concatenate([body, handle, stray]))
    assert len(stray) > 15 and len(kept) == len(body) + len(handle)
    assert len(not_alone(stray[:4])) == 4, "of a handful nothing is usual"
    box = box_of_object(kept)
    assert box[1, 0] > 0.85 and box[1].max() < 1.2


def test_a_few_cameras_that_look_elsewhere_hardly_move_the_point_that_all_look_at():
    ring = ring_cameras(CENTRE)
    rng = np.random.default_rng(0)
    targets = CENTRE + rng.normal(0, 0.02, (len(ring), 3))
    targets[[3, 9]] = CENTRE + np.array([0.0, 1.4, 0.0])
    some = cameras_at(ring.centers, targets)
    plain = ring_cameras(CENTRE + 0.0)
    assert np.linalg.norm(nearest_to_axes(some) - CENTRE) < 0.04
    np.testing.assert_allclose(nearest_to_axes(plain), CENTRE, atol=1e-9)


def test_where_a_box_is_from_is_said(tmp_path, replica):
    room = load_scene(replica)
    assert room.box_from == "around what depth shows"
    pictures = room.without("depth", "sensor_depth")
    assert "around the cameras" in pictures.box_from
    given = pictures.with_box(ROOM)
    assert given.box_from == "as given" and given.with_frames(np.arange(5)).box_from == "as given"
    assert np.array_equal(given.box, ROOM)
    assert "masks" in load_scene(write_ball(tmp_path / "ball")).box_from
    assert pictures.with_box(ROOM, "that of the run").box_from == "that of the run"


def test_a_box_of_sparse_points_says_how_many(tmp_path):
    rng = np.random.default_rng(0)
    thing = CENTRE + rng.uniform(-0.3, 0.3, (300, 3))
    street = CENTRE + rng.uniform(4, 9, (200, 3))
    ring = ring_cameras(CENTRE)
    scene = Scene("thing", tmp_path, ring, {}, points=np.concatenate([thing, street]))
    assert scene.box_from == "around the 300 of 500 sparse points that nearly all cameras see"
    np.testing.assert_allclose(scene.box, [CENTRE - 0.36, CENTRE + 0.36], atol=0.02)
    far = Scene("thing", tmp_path, ring, {}, points=street)
    assert far.box_from == "around what all cameras look at"
    np.testing.assert_array_equal(far.box, box_in_view(ring))
    room = Scene("room", tmp_path, room_cameras(), {}, points=rng.uniform(ROOM[0], ROOM[1], (400, 3)))
    assert room.box_from == "around 400 of 400 sparse points (the others are stray) and the cameras"
    (found,) = [f for f in check_before_fit(room) if f.where == "box"]
    assert "400 of 400 sparse points" in found.what


def _times(poses, factor):
    scaled = poses.copy()
    scaled[:, :3, 3] *= factor
    return scaled
