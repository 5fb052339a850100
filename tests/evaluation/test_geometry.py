from __future__ import annotations

import json

import numpy as np
import pytest
import trimesh

from neurfield.errors import UserError
from neurfield.evaluation import distances_to_mesh, evaluate_mesh
from neurfield.evaluation.culling import Visibility
from neurfield.evaluation.sampling import face_normals, sample_surface
from neurfield.scenes import Cameras

FEW = {"samples": 8_000}


def plane(z: float = 0.0, size: float = 4.0) -> trimesh.Trimesh:
    corners = np.array([[0, 0, z], [size, 0, z], [size, size, z], [0, size, z]])
    return trimesh.Trimesh(*trimesh.remesh.subdivide_to_size(corners, np.array([[0, 1, 2], [0, 2, 3]]), 0.3))


@pytest.mark.parametrize("with_cameras", [False, True])
def test_a_mesh_is_perfect_against_itself(room, cameras, with_cameras):
    numbers = evaluate_mesh(room, room, cameras if with_cameras else None, **FEW)
    assert numbers["chamfer_l1"] < 1e-9
    for key in ("f_score@0.05", "f_score@0.01", "precision@0.01", "recall@0.01"):
        assert numbers[key] == 1.0
    assert numbers["normal_consistency"] == pytest.approx(1.0, abs=1e-3)


def test_triangulation_does_not_matter():
    coarse = trimesh.Trimesh([[0, 0, 0], [4, 0, 0], [4, 4, 0], [0, 4, 0]], [[0, 1, 2], [0, 2, 3]])
    numbers = evaluate_mesh(coarse, plane(), **FEW)
    assert numbers["chamfer_l1"] < 1e-9 and numbers["normal_consistency"] == pytest.approx(1.0)


@pytest.mark.parametrize("shift", [0.02, 0.004])
def test_a_shifted_plane_is_off_by_the_shift(shift):
    numbers = evaluate_mesh(plane(shift), plane(), **FEW)
    for key in ("accuracy", "completeness", "chamfer_l1"):
        assert numbers[key] == pytest.approx(shift, rel=1e-6)
    assert numbers["f_score@0.05"] == 1.0
    assert numbers["f_score@0.01"] == (1.0 if shift < 0.01 else 0.0)
    assert numbers["normal_consistency"] == pytest.approx(1.0)


def test_half_a_surface_is_accurate_and_half_complete():
    half = trimesh.Trimesh([[0, 0, 0], [2, 0, 0], [2, 4, 0], [0, 4, 0]], [[0, 1, 2], [0, 2, 3]])
    numbers = evaluate_mesh(half, plane(), **FEW)
    assert numbers["precision@0.05"] == 1.0
    assert numbers["recall@0.05"] == pytest.approx(0.5 + 0.05 / 4, abs=0.01)
    assert numbers["completeness"] == pytest.approx(0.5, abs=0.01)  # half of it 0 to 2 m away
    expected = 2 * numbers["recall@0.05"] / (1 + numbers["recall@0.05"])
    assert numbers["f_score@0.05"] == pytest.approx(expected)


def test_normals_count_without_their_sign():
    upside_down = plane()
    upside_down.invert()
    assert evaluate_mesh(upside_down, plane(), **FEW)["normal_consistency"] == pytest.approx(1.0)
    steps = plane()
    tilt = trimesh.transformations.rotation_matrix(np.radians(60), [1, 0, 0])
    assert evaluate_mesh(steps.apply_transform(tilt), plane(), **FEW)["normal_consistency"] == pytest.approx(
        0.5
    )


def test_what_no_camera_sees_does_not_count(room, cameras):
    # A crate with open bottom on the floor: its inside, and the floor under it, are seen by nobody.
    crate = trimesh.creation.box((0.6, 0.6, 0.6))
    crate.apply_translation([1.2, 0.9, -0.95])
    truth = trimesh.util.concatenate([room, crate])
    inside = trimesh.creation.icosphere(2, 0.2).apply_translation([1.2, 0.9, -0.95])
    shell = trimesh.creation.box((6.0, 5.0, 3.5))
    reconstruction = trimesh.util.concatenate([truth, inside, shell])
    culled = evaluate_mesh(reconstruction, truth, cameras, **FEW)
    assert culled["accuracy"] < 1e-6 and culled["f_score@0.01"] == 1.0
    assert culled["mesh_seen"] < culled["truth_seen"] < 1.0
    counted = evaluate_mesh(reconstruction, truth, **FEW)
    assert counted["accuracy"] > 0.1 and counted["precision@0.05"] < 0.8


def test_a_hidden_layer_does_not_complete_a_false_wall(room, cameras):
    # A false room 20 cm inside the true one hides it: both errors must show, though the true wall is in the
    # mesh.
    false_room = trimesh.creation.box((4.6, 3.6, 2.1))
    numbers = evaluate_mesh(trimesh.util.concatenate([room, false_room]), room, cameras, **FEW)
    assert numbers["accuracy"] == pytest.approx(0.2, abs=0.01)
    assert numbers["completeness"] > 0.19
    assert numbers["f_score@0.05"] == 0.0


def test_ripples_of_a_millimetre_cost_a_millimetre(room, cameras):
    rough = room.copy()
    rough.vertices += np.random.default_rng(0).normal(0, 0.002, rough.vertices.shape)
    numbers = evaluate_mesh(rough, room, cameras, **FEW)
    assert numbers["chamfer_l1"] < 0.002
    assert numbers["f_score@0.01"] > 0.995


def test_the_seed_decides_and_nothing_else(room, cameras):
    other = trimesh.creation.box((4.98, 4.01, 2.5))
    first, again = (evaluate_mesh(other, room, cameras, seed=3, **FEW) for _ in range(2))
    assert first == again
    reseeded = evaluate_mesh(other, room, cameras, seed=4, **FEW)
    assert reseeded != first
    assert reseeded["chamfer_l1"] == pytest.approx(first["chamfer_l1"], rel=0.02)


def test_swapping_the_meshes_swaps_the_directions(room):
    other = trimesh.creation.icosphere(3, 1.2)
    there, back = evaluate_mesh(other, room, **FEW), evaluate_mesh(room, other, **FEW)
    assert there["accuracy"] == pytest.approx(back["completeness"], rel=0.02)
    assert there["normal_consistency"] == pytest.approx(back["normal_consistency"], rel=0.02)


def test_thresholds_name_their_numbers(room):
    numbers = evaluate_mesh(room, room, thresholds=(0.02, 0.125), **FEW)
    assert {key.split("@")[1] for key in numbers if "@" in key} == {"0.02", "0.125"}
    json.dumps(numbers)


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda m: trimesh.Trimesh(m.vertices, np.zeros((0, 3), int)), "has no triangles"),
        (lambda m: trimesh.Trimesh(m.vertices * np.nan, m.faces, process=False), "NaN"),
        (lambda m: trimesh.Trimesh(m.vertices * 0, m.faces, process=False), "no area"),
        (lambda m: m.copy().apply_translation([0, 0, 100]), "no camera sees the mesh"),
    ],
)
def test_a_mesh_that_cannot_be_measured_is_the_users_to_mend(room, cameras, spoil, says):
    with pytest.raises(UserError, match=says) as caught:
        evaluate_mesh(spoil(room), room, cameras, **FEW)
    assert "\n" not in str(caught.value)


def test_far_from_zero_the_numbers_are_the_same(room, cameras):
    """At 5e6 a coordinate is rounded by 1e-9: what is found must not depend on it."""
    utm = np.array([552345.25, 5412345.5, 312.0])
    poses = cameras.world_from_cam.copy()
    poses[:, :3, 3] += utm
    away = Cameras(poses, cameras.fx, cameras.fy, cameras.cx, cameras.cy, cameras.width, cameras.height)
    ripple = room.copy()
    ripple.vertices = room.vertices + 0.01 * np.sin(7.0 * room.vertices)
    near = evaluate_mesh(ripple, room, cameras, **FEW)
    far = evaluate_mesh(ripple.copy().apply_translation(utm), room.copy().apply_translation(utm), away, **FEW)
    assert far == pytest.approx(near, rel=1e-4)


def test_distances_of_points_are_those_of_completeness(room, cameras):
    lifted = room.copy()
    lifted.apply_translation([0.0, 0.0, 0.02])
    few = {"samples": 2_000, "seed": 3}
    numbers = evaluate_mesh(lifted, room, cameras, **few)
    drawn = sample_surface(room, 2_000, np.random.default_rng([3, 1]))
    seen = Visibility(room, cameras).sees(drawn.points, face_normals(room)[drawn.faces])
    distance = distances_to_mesh(drawn.points[seen], lifted, cameras, **few)
    assert distance.mean() == pytest.approx(numbers["completeness"], rel=1e-9)
    assert (distance < 0.01).mean() == pytest.approx(numbers["recall@0.01"], rel=1e-9)


def test_points_on_what_no_camera_sees_are_far_from_what_it_sees():
    front, behind = plane(2.0), plane(2.5)
    for part in (front, behind):
        part.apply_translation([-2.0, -2.0, 0.0])
    lens = {"fx": 50.0, "fy": 50.0, "cx": 50.0, "cy": 50.0}
    camera = Cameras(
        width=np.array([100]), height=np.array([100]), world_from_cam=np.eye(4)[None],
        **{name: np.array([value]) for name, value in lens.items()},
    )  # fmt: skip
    both, point = trimesh.util.concatenate([front, behind]), np.array([[0.1, 0.2, 2.5]])
    assert distances_to_mesh(point, both, **FEW) == pytest.approx(0.0, abs=1e-9)
    assert distances_to_mesh(point, both, camera, **FEW) == pytest.approx(0.5, abs=1e-6)
