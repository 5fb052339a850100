from __future__ import annotations

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from neurfield.evaluation.nearest import BoxTree, NearestSurface, closest_on_triangles
from neurfield.evaluation.sampling import sample_surface


def brute_force(points: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Distances [k] by asking every triangle, with many points on each."""
    pairs = np.repeat(points, len(triangles), axis=0), np.tile(triangles, (len(points), 1, 1))
    closest = closest_on_triangles(*pairs)
    return np.linalg.norm(closest - pairs[0], axis=1).reshape(len(points), -1).min(axis=1)


def soup(count: int, seed: int) -> np.ndarray:
    """Triangles of very different sizes and shapes, slivers among them."""
    rng = np.random.default_rng(seed)
    corner = rng.uniform(-1, 1, (count, 1, 3))
    return corner + rng.normal(size=(count, 3, 3)) * 10.0 ** rng.uniform(-3, 0, (count, 1, 3))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_no_point_of_a_triangle_is_nearer_than_the_closest(seed):
    rng = np.random.default_rng(seed)
    triangle, point = rng.normal(size=(1, 3, 3)), rng.normal(size=(1, 3)) * 2
    closest = closest_on_triangles(point, triangle)[0]
    a, b = rng.random((2, 2000))
    a, b = np.where(a + b > 1, 1 - a, a), np.where(a + b > 1, 1 - b, b)
    others = triangle[0, 0] + a[:, None] * (triangle[0, 1] - triangle[0, 0])
    others += b[:, None] * (triangle[0, 2] - triangle[0, 0])
    others = np.concatenate([others, triangle[0]])
    assert np.linalg.norm(closest - point) <= np.linalg.norm(others - point, axis=1).min() + 1e-12
    # It is a point of the triangle: its barycentric weights say so.
    weights = np.linalg.lstsq(np.vstack([triangle[0].T, np.ones(3)]), np.append(closest, 1.0), rcond=None)[0]
    assert weights.min() > -1e-9 and weights.sum() == pytest.approx(1.0)


def test_triangles_without_area_are_points_or_lines():
    line = np.array([[[0.0, 0, 0], [1, 0, 0], [2, 0, 0]]])
    np.testing.assert_allclose(
        closest_on_triangles(np.array([[0.5, 1.0, 0.0]]), line), [[0.5, 0, 0]], atol=1e-12
    )
    spot = np.full((1, 3, 3), 2.0)
    np.testing.assert_allclose(closest_on_triangles(np.zeros((1, 3)), spot), [[2, 2, 2]])


@pytest.mark.parametrize("count", [1, 2, 3, 5, 300])
def test_nearest_is_exact_on_any_soup_of_triangles(count):
    triangles = soup(count, count)
    # A single anchor: the boxes must find what it does not know of.
    for anchors, faces in ((triangles[:1, 0], np.zeros(1, int)), (triangles[:, 0], np.arange(count))):
        points = np.random.default_rng(1).uniform(-2, 2, (200, 3))
        distance, nearest, found = NearestSurface(triangles, anchors, faces)(points)
        np.testing.assert_allclose(distance, brute_force(points, triangles), rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(np.linalg.norm(nearest - points, axis=1), distance, atol=1e-12)
        on_found = closest_on_triangles(points, triangles[found])
        np.testing.assert_allclose(on_found, nearest, atol=1e-12)


def test_points_of_a_mesh_are_on_it():
    mesh = trimesh.creation.icosphere(3)
    drawn = sample_surface(mesh, 3000, np.random.default_rng(0))
    nearest = NearestSurface(mesh.triangles, drawn.points, drawn.faces)
    asked = sample_surface(mesh, 1000, np.random.default_rng(1))
    distance, _, faces = nearest(asked.points)
    assert distance.max() < 1e-9
    on_edges = faces != asked.faces
    assert on_edges.mean() < 0.01


@pytest.mark.parametrize("far", [3.0, 40.0, 1e5])
def test_nearest_is_exact_from_far_off(far):
    triangles = soup(200, 4)
    points = np.random.default_rng(1).normal(size=(50, 3)) * far
    distance, nearest, _ = NearestSurface(triangles, triangles[:, 0], np.arange(200))(points)
    np.testing.assert_allclose(distance, brute_force(points, triangles), rtol=1e-12)
    np.testing.assert_allclose(np.linalg.norm(nearest - points, axis=1), distance, rtol=1e-12)


def test_from_far_off_few_triangles_are_asked_however_fine_the_mesh():
    counts = []
    for fineness in (3, 5):
        mesh = trimesh.creation.icosphere(fineness)
        drawn = sample_surface(mesh, 20_000, np.random.default_rng(0))
        points = trimesh.creation.icosphere(2).vertices + np.array([30.0, 20.0, 25.0])
        surface, boxes = NearestSurface(mesh.triangles, drawn.points, drawn.faces), BoxTree(mesh.triangles)
        distance, nearest, _ = surface(points)
        away = (points - nearest) / distance[:, None]
        radius = distance * (1 + 1e-9)
        counts.append(len(boxes.within(points, radius, away)[0]) / len(points))
        through_boxes = len(boxes.within(points, radius)[0]) / len(points)
    assert max(counts) < 40 and counts[1] < 2 * counts[0]
    assert through_boxes > 4 * counts[1]  # else the planes are not worth their while


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 40), st.integers(0, 1000))
def test_planes_miss_no_triangle_within_reach_whatever_direction_they_are_asked_in(count, seed):
    triangles, rng = soup(count, seed), np.random.default_rng(seed)
    points, away = rng.uniform(-3, 3, (20, 3)), rng.normal(size=(20, 3))
    away /= np.linalg.norm(away, axis=1, keepdims=True)
    radius = rng.uniform(0, 4, 20)
    pairs = set(zip(*(side.tolist() for side in BoxTree(triangles).within(points, radius, away))))
    for row, point in enumerate(points):
        closest = closest_on_triangles(np.repeat(point[None], count, axis=0), triangles)
        within = np.flatnonzero(np.linalg.norm(closest - point, axis=1) <= radius[row])
        assert {(row, int(face)) for face in within} <= pairs


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 40), st.floats(0.0, 1.0), st.integers(0, 1000))
def test_boxes_miss_no_triangle_within_reach(count, radius, seed):
    triangles = soup(count, seed)
    points = np.random.default_rng(seed).uniform(-1, 1, (20, 3))
    rows, found = BoxTree(triangles).within(points, np.full(20, radius))
    assert (np.diff(rows) >= 0).all()
    pairs = set(zip(rows.tolist(), found.tolist()))
    for row, point in enumerate(points):
        closest = closest_on_triangles(np.repeat(point[None], count, axis=0), triangles)
        within = np.flatnonzero(np.linalg.norm(closest - point, axis=1) <= radius)
        assert {(row, int(face)) for face in within} <= pairs
