"""MonoSDF's protocol for Replica on a bare room of which everything is known."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh

from neurfield.errors import UserError
from neurfield.evaluation import evaluate_replica
from neurfield.evaluation.replica import culled, cut_to_box
from neurfield.scenes import Cameras

SAMPLES = 30_000
SIDES = np.array([2.5, 2.0, 1.25])  # half of the room's: fewer points are as near to each other


@pytest.fixture(scope="module")
def small_room(room):
    return trimesh.Trimesh(room.vertices / 2, room.faces, process=False)


@pytest.fixture(scope="module")
def around(cameras):
    poses = cameras.world_from_cam.copy()
    poses[:, :3, 3] /= 2
    return Cameras(poses, 50.0, 50.0, 50.0, 50.0, 100, 100)


def measured(mesh, truth, cameras, **more):
    return evaluate_replica(mesh, truth, cameras, samples=SAMPLES, **more)


def test_the_truth_itself_scores_hundred(small_room, around):
    numbers = measured(small_room, small_room, around)
    for key in ("precision_percent", "recall_percent", "f_score_percent"):
        assert numbers[key] == pytest.approx(100.0, abs=0.5)
    # Points against points: the nearest of 30,000 on 21 square metres is 1.3 centimetres away.
    assert 1.2 < numbers["accuracy_cm"] < 1.8 and numbers["chamfer_l1_cm"] == pytest.approx(
        (numbers["accuracy_cm"] + numbers["completeness_cm"]) / 2
    )
    assert numbers["normal_consistency_percent"] > 97.0
    assert numbers["threshold_cm"] == 5.0 and numbers["samples"] == SAMPLES and numbers["cameras"] == 12
    assert measured(small_room, small_room, around) == numbers
    assert measured(small_room, small_room, around, seed=1) != numbers


@pytest.mark.parametrize(("away", "percent"), [(0.04, 100.0), (0.06, 0.0)])
def test_walls_are_within_five_centimetres_or_not(small_room, around, away, percent):
    inward = 1.0 - 2.0 * away / SIDES
    moved = trimesh.Trimesh(small_room.vertices * inward, small_room.faces, process=False)
    numbers = measured(moved, small_room, around)
    # In the edges of the room two walls are near, and a wall's nearest point lies beside.
    for key in ("precision_percent", "recall_percent", "f_score_percent"):
        assert numbers[key] == pytest.approx(percent, abs=8.0)
    assert numbers["accuracy_cm"] == pytest.approx(100.0 * away, abs=0.5)


def test_what_no_camera_has_in_its_picture_does_not_count(small_room):
    # One camera that looks at the wall of x = 2.5: the rest of a room twice as long counts in neither.
    pose = np.eye(4)[None].copy()
    pose[0, :3, :3] = np.array([[0, 0, 1.0], [-1, 0, 0], [0, -1, 0]])
    one = Cameras(pose, 60.0, 60.0, 50.0, 50.0, 100, 100)
    behind = trimesh.creation.icosphere(3, 0.4).apply_translation([-1.5, 0, 0])
    with_ball = trimesh.util.concatenate([small_room, behind])
    assert measured(with_ball, small_room, one) == pytest.approx(
        measured(small_room, small_room, one), abs=1.0
    )
    assert len(culled(with_ball, one).faces) == len(culled(small_room, one).faces) < len(small_room.faces) / 2
    # But it is not asked whether anything stands before it.
    hidden = trimesh.creation.icosphere(3, 0.3).apply_translation([4.0, 0, 0])
    assert len(culled(hidden, one).faces) == len(hidden.faces)


def test_a_face_stays_where_one_of_its_vertices_is_seen(around):
    one = Cameras(np.eye(4)[None], 50.0, 50.0, 50.0, 50.0, 100, 100)
    seen, beside, far = [0.0, 0.0, 2.0], [9.0, 0.0, 2.0], [9.0, 1.0, 2.0]
    corners = trimesh.Trimesh([seen, beside, far, [9.0, 2.0, 2.0]], [[0, 1, 2], [1, 2, 3]], process=False)
    assert culled(corners, one).faces.tolist() == [[0, 1, 2]]
    behind = trimesh.Trimesh(-np.array(corners.vertices), corners.faces, process=False)
    assert not len(culled(behind, one).faces)


@pytest.mark.parametrize(
    ("u", "is_in"), [(0.4, False), (0.6, True), (99.6, True), (100.4, True), (100.6, False)]
)
def test_the_border_of_a_picture_is_where_the_protocol_has_it(u, is_in):
    # Its first pixel's middle is at 0, so 0 to 100 there is 0.5 to 100.5 here.
    one = Cameras(np.eye(4)[None], 50.0, 50.0, 50.0, 50.0, 100, 100)
    at = [(u - 50.0) / 50.0 * 2.0, 0.0, 2.0]
    beyond = [[900.0, 0.0, 2.0], [900.0, 1.0, 2.0]]
    face = trimesh.Trimesh([at, *beyond], [[0, 1, 2]], process=False)
    assert bool(len(culled(face, one).faces)) == is_in


def test_what_reaches_out_of_the_truths_turned_box_is_cut_off(small_room):
    turn = trimesh.transformations.rotation_matrix(0.6, [0.2, -0.3, 1.0], [1.0, 2.0, 3.0])
    truth = small_room.copy().apply_transform(turn)
    # A little out of the room, within a twentieth of its half sides; and farther.
    near = trimesh.creation.box(SIDES * 1.04)
    far = trimesh.creation.box(SIDES * 1.06)
    for shell, stays in ((near, True), (far, False)):
        mesh = trimesh.util.concatenate([small_room, shell]).apply_transform(turn)
        kept, true = cut_to_box(mesh, truth)
        assert len(kept.faces) == len(small_room.faces) + (len(shell.faces) if stays else 0)
        np.testing.assert_allclose(np.sort(true.extents), np.sort(SIDES), rtol=1e-6)
        np.testing.assert_allclose(true.bounds.sum(axis=0), 0.0, atol=1e-9)


def test_normals_count_whatever_their_sign_and_lie_where_faces_do(small_room, around):
    turned = trimesh.Trimesh(small_room.vertices, small_room.faces[:, ::-1], process=False)
    assert measured(turned, small_room, around) == pytest.approx(
        measured(small_room, small_room, around), abs=0.5
    )
    rng = np.random.default_rng(0)
    rough = trimesh.Trimesh(*trimesh.remesh.subdivide(small_room.vertices, small_room.faces), process=False)
    rough.vertices = rough.vertices + rng.normal(0.0, 0.02, rough.vertices.shape)
    numbers = measured(rough, small_room, around)
    assert numbers["f_score_percent"] > 95.0 and numbers["normal_consistency_percent"] < 97.0


def test_half_of_a_room_is_precise_and_half_complete(small_room, around):
    # Triangles are small, so half of them is half of the area.
    half = trimesh.Trimesh(
        small_room.vertices, small_room.faces[small_room.triangles_center[:, 0] > 0], process=False
    )
    numbers = measured(half, small_room, around)
    assert numbers["precision_percent"] == pytest.approx(100.0, abs=0.5)
    assert numbers["recall_percent"] == pytest.approx(50.0, abs=8.0)
    recall = numbers["recall_percent"]
    assert numbers["f_score_percent"] == pytest.approx(200.0 * recall / (100.0 + recall), abs=0.5)


def test_unused_vertices_move_no_box(small_room, around):
    stray = trimesh.Trimesh(np.vstack([small_room.vertices, [[90.0, 0, 0]]]), small_room.faces, process=False)
    assert measured(small_room, stray, around) == pytest.approx(
        measured(small_room, small_room, around), abs=1e-9
    )


def test_what_cannot_be_measured_is_one_line(small_room, around):
    away = small_room.copy().apply_translation([0, 0, 900.0])
    for mesh, truth, says in (
        (trimesh.Trimesh(), small_room, "the mesh has no triangles"),
        (small_room, trimesh.PointCloud(small_room.vertices), "true surface has points alone"),
        (away, small_room, "no camera has the mesh in its picture"),
        (small_room, away, "no camera has the true surface in its picture"),
        (trimesh.creation.box((20, 20, 20)), small_room, "nothing of the mesh is in the box"),
    ):
        with pytest.raises(UserError, match=says):
            measured(mesh, truth, around)
