"""A true surface of points: distances both ways, and what of it counts."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh

from neurfield.errors import UserError
from neurfield.evaluation import evaluate_mesh
from neurfield.evaluation.sampling import sample_surface
from neurfield.scenes import Cameras

FEW = {"samples": 8_000}
SPACING = 0.02


def square(z: float = 0.0) -> trimesh.Trimesh:
    corners = [[0, 0, z], [1, 0, z], [1, 1, z], [0, 1, z]]
    return trimesh.Trimesh(corners, [[0, 1, 2], [0, 2, 3]])


def grid_of_points() -> np.ndarray:
    """Points of the unit square, SPACING apart, up to its edges."""
    at = np.linspace(0.0, 1.0, round(1 / SPACING) + 1)
    x, y = np.meshgrid(at, at)
    return np.stack([x.ravel(), y.ravel(), np.zeros(x.size)], axis=1)


def test_points_on_the_mesh_are_complete_and_as_accurate_as_they_are_dense() -> None:
    numbers = evaluate_mesh(square(), trimesh.PointCloud(grid_of_points()), **FEW)
    assert numbers["completeness"] == pytest.approx(0.0, abs=1e-9)
    assert numbers["accuracy"] == pytest.approx(0.3826 * SPACING, rel=0.03)  # mean distance in a square cell
    assert numbers["f_score@0.05"] == 1.0 and "normal_consistency" not in numbers


def test_a_shift_is_the_distance_of_each_point() -> None:
    numbers = evaluate_mesh(square(0.03), trimesh.PointCloud(grid_of_points()), **FEW)
    assert numbers["completeness"] == pytest.approx(0.03) and numbers["recall@0.01"] == 0.0
    assert numbers["recall@0.05"] == 1.0
    assert 0.03 < numbers["accuracy"] < 0.035


def test_half_the_mesh_is_half_complete() -> None:
    half = trimesh.Trimesh([[0, 0, 0], [0.5, 0, 0], [0.5, 1, 0], [0, 1, 0]], [[0, 1, 2], [0, 2, 3]])
    numbers = evaluate_mesh(half, trimesh.PointCloud(grid_of_points()), **FEW)
    assert numbers["precision@0.05"] == 1.0
    assert numbers["recall@0.05"] == pytest.approx(0.55, abs=0.02)


def test_only_points_in_some_picture_count(room: trimesh.Trimesh, cameras: Cameras) -> None:
    on_walls = sample_surface(room, 5_000, np.random.default_rng(0)).points
    far = on_walls + np.array([0.0, 0.0, 50.0])
    cloud = trimesh.PointCloud(np.concatenate([on_walls, far]))
    numbers = evaluate_mesh(room, cloud, cameras, **FEW)
    assert numbers["completeness"] == pytest.approx(0.0, abs=1e-6)
    assert 0.3 < numbers["truth_seen"] <= 0.5
    with pytest.raises(UserError, match="no camera sees the ground truth"):
        evaluate_mesh(room, trimesh.PointCloud(far), cameras, **FEW)


@pytest.mark.parametrize(("points", "says"), [(np.zeros((0, 3)), "no points"), ([[0, 0, np.nan]], "NaN")])
def test_points_that_say_nothing(points: np.ndarray, says: str) -> None:
    with pytest.raises(UserError, match=says):
        evaluate_mesh(square(), trimesh.PointCloud(np.asarray(points, float)), **FEW)
