"""DTU's protocol on a ball of which everything is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import trimesh
from scipy.io import savemat

from neurfield.errors import UserError
from neurfield.evaluation import evaluate_dtu, read_dtu
from tests.evaluation.made_truth import ABOVE, BELOW, CENTER, RADIUS, VOXEL, ball, sphere_points, write_dtu

SCANNED = sphere_points(40_000, RADIUS) + CENTER
VOXELS = tuple(((ABOVE - BELOW) / VOXEL).astype(int) + 1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dtu(tmp_path_factory.mktemp("dtu"), SCANNED)


def plate(z: float, half: float = 5.0) -> trimesh.Trimesh:
    """A square across the line of sight at depth z."""
    x, y, _ = CENTER
    corners = [(x + i * half, y + j * half, z) for i, j in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
    return trimesh.Trimesh(corners, [[1, 2, 0], [3, 0, 2]])  # lattices along the square's sides


def test_a_ball_a_millimetre_too_large_is_a_millimetre_off_and_icp_removes_it(folder: Path) -> None:
    truth = read_dtu(folder, 24)
    right = evaluate_dtu(ball(), truth)
    without, with_icp = (evaluate_dtu(ball(RADIUS + 1), truth, with_icp=icp) for icp in (False, True))
    for key in ("accuracy_mm", "completeness_mm", "overall_mm"):
        assert right[key] < 0.15  # nearest of points that are 0.2 mm apart
        assert without[key] == pytest.approx(1.0, abs=0.02)
        assert with_icp[key] == pytest.approx(right[key], abs=0.01)
    assert without["icp"] == "none" and "scale 0.90" in with_icp["icp"]
    assert without["spacing_mm"] == 0.2 and without["cut_mm"] == 20.0 and without["scan"] == 24
    assert without["protocol"] == "DTU"


def test_a_ball_moved_by_a_millimetre_is_half_a_millimetre_off_and_icp_brings_it_near(folder: Path) -> None:
    truth = read_dtu(folder, 24)
    away = ball(center=CENTER + np.array([0.6, 0.0, 0.8]))
    without, with_icp = (evaluate_dtu(away, truth, with_icp=icp) for icp in (False, True))
    assert without["accuracy_mm"] == pytest.approx(0.5, abs=0.03)  # the mean of a cosine over the ball
    assert without["completeness_mm"] == pytest.approx(0.5, abs=0.04)
    # All points have partners at once, so that each round ends after one update.
    assert with_icp["overall_mm"] < 0.4 * without["overall_mm"]


def test_what_the_mask_hides_is_not_asked_to_be_right_but_may_complete(tmp_path: Path) -> None:
    wrong = trimesh.util.concatenate([ball(), plate(CENTER[2] + 25.0)])
    observed = np.ones(VOXELS, bool)
    all_counts = evaluate_dtu(wrong, read_dtu(write_dtu(tmp_path / "all", SCANNED), 24))
    observed[:, :, 28:] = False  # from z = 600 + 28 * 2 - 1 = 655 on; the ball ends at 650
    hidden = evaluate_dtu(wrong, read_dtu(write_dtu(tmp_path / "hidden", SCANNED, observed=observed), 24))
    assert all_counts["accuracy_mm"] > 0.5 and hidden["accuracy_mm"] < 0.15
    observed[:, :, 20:] = False  # of the ball only its half towards the camera
    half = evaluate_dtu(wrong, read_dtu(write_dtu(tmp_path / "half", SCANNED, observed=observed), 24))
    assert half["completeness_mm"] == hidden["completeness_mm"] < 0.15
    assert 0.4 < half["mesh_points"] / hidden["mesh_points"] < 0.6


def test_a_voxel_reaches_half_its_side_around_its_centre(tmp_path: Path) -> None:
    observed = np.zeros(VOXELS, bool)
    observed[3, 4, 5] = True
    truth = read_dtu(write_dtu(tmp_path, SCANNED, observed=observed), 24)
    middle = BELOW + VOXEL * np.array([3.0, 4.0, 5.0])
    steps = np.array([[0.0, 0, 0], [0.99, 0, 0], [1.01, 0, 0], [0, -0.99, 0.99], [0, 0, -1.01], [500, 0, 0]])
    np.testing.assert_array_equal(truth.observes(middle + steps), [True, True, False, True, False, False])


def test_scanned_points_below_the_plane_are_not_asked_for(tmp_path: Path) -> None:
    table = np.array([[x, y, 660.0] for x in np.arange(85, 115, 0.5) for y in np.arange(105, 135, 0.5)])
    points = np.concatenate([SCANNED, table])
    up = (0.0, 0.0, -1.0, 655.0)  # z grows away from the cameras, downwards
    cut = evaluate_dtu(ball(), read_dtu(write_dtu(tmp_path / "cut", points, plane=up), 24))
    whole = evaluate_dtu(ball(), read_dtu(write_dtu(tmp_path / "whole", points), 24))
    assert cut["truth_points"] == len(SCANNED) and whole["truth_points"] == len(points)
    assert cut["completeness_mm"] < 0.15 and whole["completeness_mm"] > 1.0


def test_what_is_farther_than_the_cut_is_in_no_mean_and_said(folder: Path) -> None:
    truth = read_dtu(folder, 24)
    right = evaluate_dtu(ball(), truth)
    assert right["mesh_beyond"] == right["truth_beyond"] == 0.0
    beyond = evaluate_dtu(trimesh.util.concatenate([ball(), plate(CENTER[2] - 35.0, half=5.03)]), truth)
    assert beyond["accuracy_mm"] == pytest.approx(right["accuracy_mm"], abs=1e-3)
    # The plate has a point in every 0.2 x 0.2 mm.
    assert beyond["mesh_beyond"] * beyond["mesh_points"] == pytest.approx(100.0 / 0.04, rel=0.05)


def test_the_box_of_the_mask_is_wider_above_than_below(folder: Path) -> None:
    np.testing.assert_array_equal(read_dtu(folder, 24).region, [BELOW - 60.0, ABOVE + 120.0])


def test_the_seed_decides_and_hardly_matters(folder: Path) -> None:
    truth = read_dtu(folder, 24)
    first, again, other = (evaluate_dtu(ball(10.5), truth, seed=seed) for seed in (0, 0, 1))
    assert first == again
    assert other["overall_mm"] == pytest.approx(first["overall_mm"], rel=0.005)


def test_files_where_the_archives_put_them_as_text_or_bytes(tmp_path: Path, folder: Path) -> None:
    write_dtu(tmp_path / "SampleSet" / "MVS Data", SCANNED[:50], scan=114, ascii_text=True)
    nested, whole = read_dtu(tmp_path, 114), read_dtu(folder, 24)
    np.testing.assert_allclose(nested.points, SCANNED[:50], atol=1e-4)
    np.testing.assert_allclose(whole.points, SCANNED, atol=1e-4)
    assert nested.observed.dtype == bool and nested.voxel == 2.0


MASK, PLANE, STL = "ObsMask/ObsMask24_10.mat", "ObsMask/Plane24.mat", "Points/stl/stl024_total.ply"


@pytest.mark.parametrize(
    ("name", "contents", "says"),
    [
        (MASK, None, "ObsMask24_10.mat: there is no such file"),
        (PLANE, None, "Plane24.mat: there is no such file"),
        (STL, None, "stl024_total.ply: there is no such file"),
        (MASK, {"Mask": np.ones((2, 2, 2)), "BB": np.ones((2, 3))}, "has no ObsMask, but Mask, BB"),
        (MASK, {"ObsMask": np.ones((2, 2)), "BB": np.ones((2, 3)), "Res": 1.0}, "of three dimensions"),
        (MASK, b"not a mat file at all", "not a readable .mat file"),
        (PLANE, {"P": np.ones(3)}, "P of four numbers"),
        (STL, b"ply\n", "not a readable ply"),
    ],
)
def test_files_that_are_missing_or_another(tmp_path: Path, name: str, contents: object, says: str) -> None:
    path = write_dtu(tmp_path, SCANNED[:100]) / name
    path.unlink()
    if isinstance(contents, bytes):
        path.write_bytes(contents)
    elif contents is not None:
        savemat(path, contents)
    with pytest.raises(UserError, match=says) as caught:
        read_dtu(tmp_path, 24)
    assert "\n" not in str(caught.value) and path.name in str(caught.value)


@pytest.mark.parametrize("with_icp", [False, True])
def test_a_mesh_without_a_surface_is_the_users_to_mend(folder: Path, with_icp: bool) -> None:
    truth, whole = read_dtu(folder, 24), ball()
    with pytest.raises(UserError, match="has no triangles"):
        evaluate_dtu(trimesh.Trimesh(whole.vertices, np.zeros((0, 3), int)), truth, with_icp=with_icp)
    whole.vertices[0] = np.nan
    with pytest.raises(UserError, match="NaN"):
        evaluate_dtu(whole, truth, with_icp=with_icp)


def test_a_mesh_in_other_units_is_said_to_be(folder: Path) -> None:
    truth = read_dtu(folder, 24)
    with pytest.raises(UserError, match="in millimetres"):
        evaluate_dtu(ball().apply_scale(0.001), truth)
    with pytest.raises(UserError, match="no such folder"):
        read_dtu(folder / "elsewhere", 24)
    with pytest.raises(UserError, match="units of the true surface"):
        evaluate_dtu(plate(CENTER[2], half=1e5), truth)
