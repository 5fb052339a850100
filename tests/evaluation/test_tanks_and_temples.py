"""The protocol of Tanks and Temples on a hilly patch of ground of which everything is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import trimesh
from scipy.spatial import cKDTree

from neurfield.errors import UserError
from neurfield.evaluation import evaluate_tanks, read_tanks, tanks_and_temples
from neurfield.evaluation.dense import voxel_means
from neurfield.evaluation.registration import moved
from tests.evaluation.made_truth import write_log, write_tanks

TAU = 0.003  # of Ignatius
HALF = 0.15
CENTERS = np.random.default_rng(5).random((24, 3)) * 4.0
POLYGON = np.array([[-HALF, -HALF, 0], [HALF, -HALF, 0], [HALF, HALF, 0], [-HALF, HALF, 0]])


def hills(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return 0.02 * np.sin(25 * x) * np.cos(31 * y) + 0.01 * np.sin(60 * x + 1)


def ground(low: float = -0.25, high: float = 0.25, cells: int = 90, lift: float = 0.0) -> trimesh.Trimesh:
    """The hills over x in low..high and y in -0.25..0.25, wider than the crop volume."""
    x, y = np.meshgrid(np.linspace(low, high, cells), np.linspace(-0.25, 0.25, cells), indexing="ij")
    corner = np.arange(cells * cells).reshape(cells, cells)
    a, b, c, d = (
        block.ravel() for block in (corner[:-1, :-1], corner[1:, :-1], corner[1:, 1:], corner[:-1, 1:])
    )
    faces = np.concatenate([np.stack([a, b, c], axis=1), np.stack([a, c, d], axis=1)])
    vertices = np.stack([x.ravel(), y.ravel(), hills(x, y).ravel() + lift], axis=1)
    return trimesh.Trimesh(vertices, faces, process=False)


def scanned() -> np.ndarray:
    at = np.arange(-0.25, 0.25, 0.001)
    x, y = (grid.ravel() for grid in np.meshgrid(at, at))
    return np.stack([x, y, hills(x, y)], axis=1)


def laser_from_reference() -> np.ndarray:
    transform = trimesh.transformations.rotation_matrix(0.7, [2, 1, -1])
    transform[:3, :3] *= 0.4
    transform[:3, 3] = 1.0, -2.0, 3.0
    return transform


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("Ignatius")
    return write_tanks(path, scanned(), CENTERS, laser_from_reference(), POLYGON, (-0.5, 0.5))


@pytest.mark.parametrize(("lift", "score"), [(0.0, 1.0), (0.8 * TAU, 1.0), (2.5 * TAU, 0.0)])
def test_the_f_score_at_tau_of_ground_that_is_lifted(folder: Path, lift: float, score: float) -> None:
    numbers = evaluate_tanks(ground(lift=lift), read_tanks(folder), np.eye(4), with_icp=False)
    for key in ("precision@0.003", "recall@0.003", "f_score@0.003"):
        assert numbers[key] == pytest.approx(score, abs=0.01)
    assert numbers["icp"] == "none" and numbers["tau"] == TAU and numbers["voxel"] == TAU / 2
    assert numbers["protocol"] == "Tanks and Temples" and numbers["scene"] == "Ignatius"


def test_three_rounds_of_icp_bring_lifted_ground_down(folder: Path) -> None:
    away = ground(lift=2.5 * TAU)
    away.apply_transform(trimesh.transformations.rotation_matrix(0.01, [1, 1, 0]))
    truth = read_tanks(folder)
    assert evaluate_tanks(away, truth, np.eye(4), with_icp=False)["f_score@0.003"] < 0.3
    refined = evaluate_tanks(away, truth, np.eye(4))
    assert refined["f_score@0.003"] > 0.99 and refined["icp"].startswith("within 80, 20, 2 tau; scale")


def test_each_round_of_icp_has_finer_points_and_a_shorter_reach(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rounds = []

    def watched(source: np.ndarray, target: cKDTree, reach: float) -> np.ndarray:
        rounds.append((round(reach / TAU, 6), len(source), target.n))
        return np.eye(4)

    monkeypatch.setattr(tanks_and_temples, "icp", watched)
    truth, mesh = read_tanks(folder), ground()
    evaluate_tanks(mesh, truth, np.eye(4))
    assert [reach for reach, _, _ in rounds] == [80.0, 20.0, 2.0]
    # Voxels of tau, of tau / 2, and all points, of the mesh and of the laser, in the crop volume.
    laser = truth.points[truth.crop.holds(truth.points)]
    assert [count for _, _, count in rounds] == [
        len(voxel_means(laser, TAU)), len(voxel_means(laser, TAU / 2)), len(laser)
    ]  # fmt: skip
    assert rounds[0][1] < rounds[1][1] < rounds[2][1]


def test_what_is_outside_the_crop_volume_counts_in_neither(folder: Path) -> None:
    truth = read_tanks(folder)
    right = evaluate_tanks(ground(), truth, np.eye(4), with_icp=False)
    # Voxels of tau / 2 over the hills within the polygon.
    assert right["truth_points"] == pytest.approx((2 * HALF / (TAU / 2)) ** 2, rel=0.25)
    elsewhere = trimesh.creation.icosphere(3, 0.05).apply_translation([0.3, 0.0, 0.0])
    below = trimesh.creation.icosphere(3, 0.05).apply_translation([0.0, 0.0, -0.6])
    outside = trimesh.util.concatenate([ground(), elsewhere, below])
    assert evaluate_tanks(outside, truth, np.eye(4), with_icp=False) == right
    inside = trimesh.util.concatenate([ground(), below.apply_translation([0.0, 0.0, 0.3])])
    wrong = evaluate_tanks(inside, truth, np.eye(4), with_icp=False)
    assert wrong["precision@0.003"] < 0.9 and wrong["recall@0.003"] == right["recall@0.003"]


def test_half_of_the_ground_is_precise_and_half_complete(folder: Path) -> None:
    numbers = evaluate_tanks(ground(low=0.0), read_tanks(folder), np.eye(4), with_icp=False)
    assert numbers["precision@0.003"] == pytest.approx(1.0, abs=0.01)
    recall = numbers["recall@0.003"]
    assert recall == pytest.approx(0.5 + TAU / (2 * HALF), abs=0.03)
    assert numbers["f_score@0.003"] == pytest.approx(2 * recall / (1 + recall), abs=0.01)


def test_coarse_triangles_are_as_complete_as_fine_ones(folder: Path) -> None:
    truth = read_tanks(folder)
    flat = ground(cells=2)
    flat.vertices[:, 2] = 0.0
    fine = trimesh.Trimesh(*trimesh.remesh.subdivide_to_size(flat.vertices, flat.faces, 0.004))
    coarse, dense = (evaluate_tanks(mesh, truth, np.eye(4), with_icp=False) for mesh in (flat, fine))
    assert coarse["f_score@0.003"] == pytest.approx(dense["f_score@0.003"], abs=0.01)


def test_cameras_in_a_frame_of_their_own_align_the_mesh(folder: Path, tmp_path: Path) -> None:
    truth = read_tanks(folder)
    own_from_laser = np.linalg.inv(
        trimesh.transformations.rotation_matrix(-1.1, [0, 3, 1]) * [3.7, 3.7, 3.7, 1.0]
    )
    own = moved(truth.centers, own_from_laser)
    own[3] += 7.0  # one camera went wrong
    write_log(tmp_path / "own.log", own, tabs=True)
    matched = truth.align(own)
    assert matched.share == pytest.approx(23 / 24)
    mesh = ground()
    mesh.vertices = moved(np.asarray(mesh.vertices), own_from_laser)
    assert evaluate_tanks(mesh, truth, matched.transform, with_icp=False)["f_score@0.003"] > 0.99


def test_a_trajectory_of_the_whole_video_is_thinned_by_the_mapping(folder: Path) -> None:
    truth = read_tanks(folder)
    frames = 10 + 70 * np.arange(len(CENTERS))
    video = np.random.default_rng(0).random((1700, 3))
    video[frames] = truth.centers
    with pytest.raises(UserError, match=r"Ignatius_mapping_reference\.txt: there is no such file"):
        truth.align(video)
    pairs = "\n".join(f"{i + 1} {frame + 1}" for i, frame in enumerate(frames))
    truth.mapping.write_text(f"{len(frames)}\n1700\n{pairs}\n")
    np.testing.assert_allclose(truth.align(video).transform, np.eye(4), atol=1e-9)
    with pytest.raises(UserError, match="frames that a trajectory of 1601 has not"):
        truth.align(video[:1601])
    truth.mapping.unlink()


def test_trajectories_of_other_cameras_are_refused(folder: Path) -> None:
    truth = read_tanks(folder)
    with pytest.raises(UserError, match="20 cameras, the reference of Ignatius has 24"):
        truth.align(truth.centers[:20])
    with pytest.raises(UserError, match="in the order of the pictures' names"):
        truth.align(truth.centers[::-1])


@pytest.mark.parametrize(
    "name", ["Ignatius.ply", "Ignatius.json", "Ignatius_COLMAP_SfM.log", "Ignatius_trans.txt"]
)
def test_a_file_that_is_missing_is_named(tmp_path: Path, name: str) -> None:
    write_tanks(tmp_path, scanned()[:100], CENTERS, laser_from_reference(), POLYGON, (-0.5, 0.5))
    (tmp_path / name).unlink()
    says = "expected SCENE_trans.txt" if name.endswith("trans.txt") else f"{name}: there is no such file"
    with pytest.raises(UserError, match=says):
        read_tanks(tmp_path)
    with pytest.raises(UserError, match="no such folder"):
        read_tanks(tmp_path / "Barn")


def test_a_mesh_elsewhere_or_without_a_surface_is_said_to_be(folder: Path) -> None:
    with pytest.raises(UserError, match="no area"):
        evaluate_tanks(ground().apply_scale(0.0), read_tanks(folder), np.eye(4))
    with pytest.raises(UserError, match="nothing of the mesh is in the crop volume"):
        evaluate_tanks(ground(lift=5.0), read_tanks(folder), np.eye(4))
