"""Files of benchmarks: what is read, and what is said of those that are no such files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from neurfield.errors import UserError
from neurfield.evaluation.truth_files import (
    CropVolume,
    read_crop,
    read_mapping,
    read_points,
    read_similarity,
    read_trajectory,
)
from tests.evaluation.made_truth import write_log

# A right angle: two unit squares beside each other, and one on the first.
ANGLE = np.array([[0, 0], [2, 0], [2, 1], [1, 1], [1, 2], [0, 2]], float)


def crop_file(path: Path, **changed: object) -> Path:
    polygon = np.insert(ANGLE, 1, 0.0, axis=1).tolist()
    data = {"orthogonal_axis": "Y", "axis_min": -1.0, "axis_max": 3.0, "bounding_polygon": polygon, **changed}
    path.write_text(json.dumps({key: value for key, value in data.items() if value is not None}))
    return path


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_crop_volume_holds_what_is_in_its_polygon_and_stretch(axis: int) -> None:
    crop = CropVolume(axis, (-1.0, 3.0), ANGLE)
    flat = np.array([[0.5, 0.5], [1.5, 0.5], [0.5, 1.5], [1.5, 1.5], [-0.1, 0.5], [2.1, 0.5], [0.5, 2.5]])
    inside = [True, True, True, False, False, False, False]
    for along, counts in ((0.0, True), (-1.0, True), (3.0, True), (-1.1, False), (3.1, False)):
        np.testing.assert_array_equal(
            crop.holds(np.insert(flat, axis, along, axis=1)), np.array(inside) & counts
        )
    np.testing.assert_array_equal(crop.box, np.insert([[0.0, 0.0], [2.0, 2.0]], axis, [-1.0, 3.0], axis=1))


def test_a_crop_volume_is_read_as_open3d_reads_it(tmp_path: Path) -> None:
    crop = read_crop(crop_file(tmp_path / "Barn.json"))
    assert crop.axis == 1 and crop.stretch == (-1.0, 3.0)
    np.testing.assert_array_equal(crop.polygon, ANGLE)


@pytest.mark.parametrize("tabs", [False, True])
def test_a_trajectory_has_the_centres_of_its_cameras(tmp_path: Path, tabs: bool) -> None:
    centers = np.random.default_rng(0).random((5, 3))
    write_log(tmp_path / "a.log", centers, tabs)
    np.testing.assert_allclose(read_trajectory(tmp_path / "a.log"), centers, atol=1e-11)


def test_a_mapping_counts_frames_from_one(tmp_path: Path) -> None:
    (tmp_path / "m.txt").write_text("3\n2000\n1 1\n2 850\n3 2000\n\n")
    np.testing.assert_array_equal(read_mapping(tmp_path / "m.txt"), [0, 849, 1999])


def test_a_similarity_is_read_by_rows(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_text("0 -2 0 5\n2 0 0 6\n0 0 2 7\n0 0 0 1\n")
    matrix = read_similarity(tmp_path / "t.txt")
    np.testing.assert_array_equal(matrix @ [1, 0, 0, 1], [5, 8, 7, 1])


@pytest.mark.parametrize(
    ("reader", "text", "says"),
    [
        (read_similarity, "1 0 0\n", "four rows of four numbers"),
        (read_similarity, "a b\n" * 8, "four rows of four numbers"),
        (read_similarity, "1 0 0 0\n0 1 0 0\n0 0 -1 0\n0 0 0 1\n", "mirrored or sheared"),
        (read_similarity, "1 0 0 0\n0 2 0 0\n0 0 1 0\n0 0 0 1\n", "mirrored or sheared"),
        (read_similarity, "1 0 0 0\n0 1 0 0\n0 0 1 nan\n0 0 0 1\n", "mirrored or sheared"),
        (read_similarity, "1 0 0 0\n0 1 0 0\n0 0 1 0\n1 2 3 1\n", "last row must be 0 0 0 1"),
        (read_trajectory, "0 0 0\n1 0 0 0\n", "not a trajectory"),
        (read_trajectory, "", "no poses"),
        (read_trajectory, "0 0 0\n" + "1 0 0 0\n" * 4, "last row is not 0 0 0 1"),
        (read_mapping, "3\n2000\n1 1\n", "pairs of picture and frame"),
        (read_crop, "{", "not a crop volume"),
        (read_crop, "[]", "not a crop volume"),
        (read_points, "", "not a readable ply"),
    ],
)
def test_other_files_get_one_line(
    tmp_path: Path, reader: Callable[[Path], object], text: str, says: str
) -> None:
    path = tmp_path / ("a.ply" if reader is read_points else "a.txt")
    with pytest.raises(UserError, match="no such file") as missing:
        reader(path)
    path.write_text(text)
    with pytest.raises(UserError, match=says) as wrong:
        reader(path)
    for caught in (missing, wrong):
        assert str(path) in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"orthogonal_axis": "W"}, "orthogonal_axis X, Y or Z"),
        ({"orthogonal_axis": ""}, "orthogonal_axis X, Y or Z"),
        ({"axis_min": None}, "it needs orthogonal_axis"),
        ({"bounding_polygon": [[0, 0], [1, 0]]}, "points of three numbers"),
        ({"bounding_polygon": [[0, 0, 0], [1, 0, 0]]}, "fewer than three corners"),
        ({"axis_max": -2.0}, "axis_min >= axis_max"),
    ],
)
def test_a_crop_volume_without_what_it_needs(tmp_path: Path, changed: dict[str, object], says: str) -> None:
    with pytest.raises(UserError, match=says):
        read_crop(crop_file(tmp_path / "Barn.json", **changed))
