"""Depth carried into the world and into other frames lands where it should."""

from __future__ import annotations

import numpy as np
import pytest
from tiny_scenes import HEIGHT, ROOM, ring_cameras

from neurfield.scenes import load_scene
from neurfield.scenes.box import back_project, box_in_view
from neurfield.scenes.reprojection import best_scale, depth_pairs, reprojection_error

CENTRE = np.array([3.0, -2.0, 0.7])


@pytest.mark.parametrize("source", ["depth", "sensor_depth"])
def test_points_of_depth_lie_on_the_walls(replica, source):
    scene = load_scene(replica)
    for i in (0, 7):
        points = back_project(scene, i, source, count=500)
        to_wall = np.minimum(np.abs(points - ROOM[0]), np.abs(points - ROOM[1])).min(axis=1)
        assert 300 < len(points) < 1200
        assert to_wall.max() < (0.002 if source == "depth" else 0.02)  # sensed depth is 1 cm too long


def test_depth_of_two_frames_agrees_where_the_cameras_are_right(replica):
    scene = load_scene(replica)
    pairs = depth_pairs(scene, scene.cameras, "depth")
    assert len(pairs) > 5
    assert reprojection_error(scene.cameras, pairs) < 5e-3
    assert reprojection_error(scene.cameras, pairs, 1.5) > 0.015
    scale, error = best_scale(scene.cameras, pairs)
    assert scale == pytest.approx(1.0, abs=0.02) and error < 5e-3


def test_the_cube_of_an_object_is_in_the_picture_of_a_camera_at_the_usual_distance():
    cameras = ring_cameras(CENTRE)
    box = box_in_view(cameras, fraction=0.8)
    half, distance = (box[1] - box[0]) / 2, np.linalg.norm(cameras.centers - CENTRE, axis=1)
    usual = np.argsort(distance)[len(distance) // 2]
    # Across the view at the middle of the cube, 0.8 of the picture's half height.
    across = CENTRE + half[0] * cameras.world_from_cam[usual, :3, 1]
    uv, _ = cameras.project(int(usual), across[None])
    assert uv[0, 1] - HEIGHT / 2 == pytest.approx(0.8 * HEIGHT / 2, rel=0.1)
