"""MonoSDF's protocol for ScanNet on a bare room of which everything is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import trimesh

from neurfield.errors import UserError
from neurfield.evaluation import evaluate_scannet
from neurfield.evaluation.depth_volume import DepthVolume
from neurfield.evaluation.rendered_depth import DepthRenderer
from neurfield.evaluation.scannet import fused_again
from neurfield.scenes import Cameras

SIDES = np.array([0.9, 0.8, 0.7])
# One camera at the origin that looks along +z, 90 degrees wide.
CAMERA = Cameras(np.eye(4)[None], 50.0, 50.0, 50.0, 50.0, 100, 100)


def box_room(sides=SIDES, edge=0.02):
    """A room whose triangles face its inside, with vertices at most an edge apart."""
    box = trimesh.creation.box(sides)
    vertices, faces = trimesh.remesh.subdivide_to_size(box.vertices, box.faces, edge)
    return trimesh.Trimesh(vertices, faces[:, ::-1], process=False)


@pytest.fixture(scope="module")
def small_room():
    return box_room()


@pytest.fixture(scope="module")
def around():
    """Six cameras in the middle of the small room that look at one wall each, and together see all of it."""
    poses = np.repeat(np.eye(4)[None], 6, axis=0)
    for k, pose in enumerate(poses):
        forward = np.roll([1.0, 0, 0], k % 3) * (1 if k < 3 else -1)
        right = np.roll(np.abs(forward), 1)
        pose[:3] = np.stack([right, np.cross(forward, right), forward, [0.02, -0.01, 0.03]], axis=1)
    return Cameras(poses, 80.0, 80.0, 100.0, 100.0, 200, 200)


def plate(z, half=1.0, facing=True):
    corners = np.array([[-half, -half, z], [half, -half, z], [half, half, z], [-half, half, z]])
    faces = np.array([[0, 2, 1], [0, 3, 2]])
    return trimesh.Trimesh(corners, faces if facing else faces[:, ::-1], process=False)


def test_depth_is_that_of_the_nearest_face_that_looks_at_the_camera():
    both = trimesh.util.concatenate([plate(1.0, 0.5, facing=False), plate(2.0, 1.0), plate(3.0, 9.0)])
    depth = DepthRenderer(both, CAMERA).depth(0)
    assert depth.shape == (100, 100) and depth.dtype == np.float32
    rows, columns = np.mgrid[:100, :100] + 0.5
    inner = (np.abs((rows - 50) / 50 * 2) < 1.0) & (np.abs((columns - 50) / 50 * 2) < 1.0)
    np.testing.assert_allclose(depth[inner], 2.0, rtol=1e-5)
    np.testing.assert_allclose(depth[~inner], 3.0, rtol=1e-5)
    away = DepthRenderer(plate(1.0, 0.5, facing=False), CAMERA).depth(0)
    assert not away.any()


def test_depth_is_along_the_axis_and_not_of_what_is_before_the_near_plane():
    slope = plate(0.0, 6.0).apply_transform(trimesh.transformations.rotation_matrix(0.4, [0, 1, 0]))
    slope.apply_translation([0, 0, 2.0])
    depth = DepthRenderer(trimesh.util.concatenate([slope, plate(0.04, 0.5)]), CAMERA).depth(0)
    x = (np.arange(100) + 0.5 - 50) / 50
    np.testing.assert_allclose(depth[50], 2.0 / (1.0 + np.tan(0.4) * x), rtol=1e-4)


def test_the_truth_itself_scores_one(small_room, around):
    numbers = evaluate_scannet(small_room, small_room, around)
    for key in ("precision@0.05", "recall@0.05", "f_score@0.05"):
        assert numbers[key] == pytest.approx(1.0, abs=0.01)
    # Vertices of either lattice are at most a diagonal of it apart.
    assert numbers["accuracy"] < 0.012 and numbers["completeness"] < 0.012
    assert numbers["chamfer_l1"] == pytest.approx((numbers["accuracy"] + numbers["completeness"]) / 2)
    assert (numbers["voxel"], numbers["truncation"], numbers["farthest"]) == (0.01, 0.03, 5.0)
    assert numbers["cameras"] == 6 and numbers["apart"] == 0.02


@pytest.mark.parametrize(("away", "share"), [(0.04, 1.0), (0.06, 0.0)])
def test_walls_are_within_five_centimetres_or_not(small_room, around, away, share):
    numbers = evaluate_scannet(box_room(SIDES - 2 * away), small_room, around)
    # In the edges of the room two walls are near.
    assert numbers["precision@0.05"] == pytest.approx(share, abs=0.02)
    assert numbers["recall@0.05"] == pytest.approx(share, abs=0.12)
    assert numbers["accuracy"] == pytest.approx(away, abs=0.004)


def test_a_fused_wall_lies_where_the_wall_is(small_room, around):
    fused = fused_again(small_room, around)
    to_wall = np.abs(SIDES / 2 - np.abs(fused)).min(axis=1)
    assert len(fused) > 20_000 and np.median(to_wall) < 5e-4 and np.percentile(to_wall, 95) < 3e-3


def test_what_no_camera_sees_is_not_asked_for_but_missed_truth_is(small_room, around):
    behind = trimesh.creation.icosphere(3, 0.2).apply_translation([2.0, 0, 0])
    right = evaluate_scannet(small_room, small_room, around)
    with_ball = trimesh.util.concatenate([small_room, behind])
    assert evaluate_scannet(with_ball, small_room, around)["precision@0.05"] == right["precision@0.05"]
    assert evaluate_scannet(small_room, with_ball, around)["recall@0.05"] < right["recall@0.05"]
    # One camera sees one wall: the others, though right, are not there to be counted as precise.
    one = around.select(np.array([2]))
    numbers = evaluate_scannet(small_room, small_room, one)
    assert numbers["precision@0.05"] > 0.99 and numbers["recall@0.05"] < 0.5


def test_what_is_beyond_five_metres_is_none():
    wide = replace(CAMERA, fx=CAMERA.fx * 4, fy=CAMERA.fy * 4)
    assert len(fused_again(plate(4.9, 1.0), wide)) and not len(fused_again(plate(5.1, 1.0), wide))


def test_a_volume_of_no_depth_and_of_a_single_view():
    volume = DepthVolume(np.array([[-1.0, -1, 0], [1, 1, 3]]), 0.01, 0.03)
    lens = np.array([50.0, 50.0, 50.0, 50.0])
    volume.add(np.zeros((100, 100), np.float32), np.eye(4), lens)
    assert volume.vertices().shape == (0, 3)
    depth = np.zeros((100, 100), np.float32)
    depth[40:60, 40:60] = 1.203
    volume.add(depth, np.eye(4), lens)
    found = volume.vertices()
    # On the seen part of the plane, each edge once, right between voxels.
    np.testing.assert_allclose(found[:, 2], 1.203, atol=2e-4)
    assert len(np.unique(found.round(6), axis=0)) == len(found)
    assert np.abs(found[:, :2]).max() <= 0.2 * 1.203 + 0.01


def test_what_cannot_be_measured_is_one_line(small_room, around):
    inside_out = trimesh.Trimesh(small_room.vertices, small_room.faces[:, ::-1], process=False)
    with pytest.raises(UserError, match="sees the mesh from its front"):
        evaluate_scannet(inside_out, small_room, around)
    with pytest.raises(UserError, match="no triangles"):
        evaluate_scannet(trimesh.Trimesh(), small_room, around)
    cloud = trimesh.PointCloud(small_room.vertices)
    assert evaluate_scannet(small_room, cloud, around)["f_score@0.05"] > 0.99
