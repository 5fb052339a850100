from __future__ import annotations

import numpy as np
import pytest
import trimesh

from neurfield.evaluation.culling import Visibility, in_picture
from neurfield.evaluation.sampling import face_normals, sample_surface
from neurfield.scenes import Cameras

# One camera at the origin that looks along +z, 90 degrees wide.
CAMERA = Cameras(np.eye(4)[None], 50.0, 50.0, 50.0, 50.0, 100, 100)


def plate(z: float, half: float = 1.0, x: float = 0.0) -> trimesh.Trimesh:
    corners = np.array([[-half, -half, 0], [half, -half, 0], [half, half, 0], [-half, half, 0]])
    return trimesh.Trimesh(corners, [[0, 1, 2], [0, 2, 3]]).apply_translation([x, 0, z])


def seen(mesh: trimesh.Trimesh, cameras: Cameras = CAMERA, count: int = 4000):
    drawn = sample_surface(mesh, count, np.random.default_rng(0))
    return drawn.points, Visibility(mesh, cameras).sees(drawn.points, face_normals(mesh)[drawn.faces])


def test_a_plate_before_the_camera_is_seen_from_either_side():
    for mesh in (plate(2.0), trimesh.Trimesh(plate(2.0).vertices, plate(2.0).faces[:, ::-1])):
        assert seen(mesh)[1].all()


def test_a_plate_behind_the_camera_is_not():
    assert not seen(plate(-2.0))[1].any()


def test_only_what_is_in_the_picture_is_seen():
    points, visible = seen(plate(2.0, half=4.0))
    np.testing.assert_array_equal(visible, (np.abs(points[:, :2]) < 2.0).all(axis=1))


def test_what_another_part_hides_is_not_seen():
    points, visible = seen(trimesh.util.concatenate([plate(1.0, half=0.5), plate(2.0, half=1.9)]))
    near = points[:, 2] < 1.5
    shadow = (np.abs(points[:, :2]) < 1.0).all(axis=1)
    assert visible[near].all()
    # Triangles are single precision: the very edge of the shadow may fall to either side.
    edge = (np.abs(np.abs(points[:, :2]) - 1.0) < 1e-3).any(axis=1)
    np.testing.assert_array_equal(visible[~near & ~edge], ~shadow[~near & ~edge])


def test_a_second_camera_sees_behind():
    mesh = trimesh.util.concatenate([plate(1.0, half=0.5), plate(2.0, half=0.9)])
    assert not seen(mesh)[1].all()
    beside = np.stack([np.eye(4)] * 3)
    beside[1, 0, 3], beside[2, 0, 3] = 2.0, -2.0
    wide = Cameras(beside, 20.0, 20.0, 50.0, 50.0, 100, 100)
    assert seen(mesh, wide)[1].all()


def test_a_grazed_surface_is_not_seen_but_nearly():
    # A floor 2 cm below the camera's axis, seen at under half a degree beyond 3 m.
    floor = trimesh.Trimesh(
        [[-1, 0.02, 3], [1, 0.02, 3], [1, 0.02, 4], [-1, 0.02, 4]], [[0, 1, 2], [0, 2, 3]]
    )
    points, visible = seen(floor)
    assert not visible.any()
    assert Visibility(floor, CAMERA).nearly_sees(points).all()


def test_a_layer_right_behind_is_nearly_seen_and_one_farther_behind_is_not():
    layers = trimesh.util.concatenate([plate(3.0), plate(3.02), plate(3.1, half=0.9)])
    points, visible = seen(layers)
    nearly = Visibility(layers, CAMERA).nearly_sees(points)
    inner = (np.abs(points[:, :2]) < 0.9).all(axis=1)
    for z, is_seen, is_nearly in ((3.0, True, True), (3.02, False, True), (3.1, False, False)):
        layer = inner & np.isclose(points[:, 2], z)
        assert (visible[layer] == is_seen).all() and (nearly[layer] == is_nearly).all()


def test_the_inside_of_a_room_is_seen_and_its_outside_is_not(room, cameras):
    shell = trimesh.creation.box((5.4, 4.4, 2.9))
    points, visible = seen(trimesh.util.concatenate([room, shell]), cameras)
    on_shell = (np.abs(points) > [2.55, 2.05, 1.3]).any(axis=1)
    assert on_shell.any() and not visible[on_shell].any()
    assert visible[~on_shell].mean() > 0.8


@pytest.mark.parametrize("offset", [0.0, 5e5])
def test_far_from_the_origin_rays_are_no_coarser(offset):
    mesh = trimesh.util.concatenate([plate(1.0, half=0.5), plate(1.05, half=0.4)])
    mesh.apply_translation([offset, 0, 0])
    pose = np.eye(4)[None].copy()
    pose[0, 0, 3] = offset
    points, visible = seen(mesh, Cameras(pose, 50.0, 50.0, 50.0, 50.0, 100, 100))
    np.testing.assert_array_equal(visible, points[:, 2] < 1.02)


def test_no_points_and_no_cameras():
    visibility = Visibility(plate(2.0), CAMERA)
    assert visibility.nearly_sees(np.zeros((0, 3))).shape == (0,)
    none = CAMERA.select(np.array([], int))
    assert not Visibility(plate(2.0), none).nearly_sees(np.array([[0.0, 0, 2]])).any()


def test_in_picture_agrees_with_the_pixels_it_counts():
    points = np.array([[0, 0, 1.0], [0.999, 0, 1], [1.001, 0, 1], [0, -1.001, 1], [0, 0, -1]])
    np.testing.assert_array_equal(in_picture(CAMERA, 0, points), [True, True, False, False, False])
