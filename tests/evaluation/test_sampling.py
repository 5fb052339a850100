from __future__ import annotations

import numpy as np
import pytest
import trimesh

from neurfield.evaluation.sampling import face_normals, sample_surface, triangle_areas


def test_points_are_spread_by_area():
    # One large and many small triangles: a quarter of the points on each quarter of the square.
    square = trimesh.Trimesh([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], [[0, 1, 2], [0, 2, 3]])
    small = trimesh.Trimesh(*trimesh.remesh.subdivide_to_size(square.vertices, square.faces[:1], 0.2))
    mesh = trimesh.util.concatenate([square, small.apply_translation([2, 0, 0])])
    drawn = sample_surface(mesh, 20000, np.random.default_rng(0))
    quarter = np.floor(drawn.points[drawn.points[:, 0] <= 1][:, :2] * 2).astype(int).clip(0, 1)
    counts = np.bincount(2 * quarter[:, 0] + quarter[:, 1], minlength=4)
    assert counts.max() / counts.min() < 1.1
    per_face = np.bincount(drawn.faces, minlength=len(mesh.faces))
    expected = 20000 * triangle_areas(mesh.triangles) / mesh.area
    assert (np.abs(per_face - expected) <= 2.0).all(), "one point in each equal share of the area"


def test_points_lie_on_their_faces():
    mesh = trimesh.creation.torus(1.0, 0.3)
    drawn = sample_surface(mesh, 5000, np.random.default_rng(0))
    from_plane = drawn.points - mesh.triangles[drawn.faces][:, 0]
    assert np.abs(np.einsum("ki,ki->k", from_plane, face_normals(mesh)[drawn.faces])).max() < 1e-12
    weights = trimesh.triangles.points_to_barycentric(mesh.triangles[drawn.faces], drawn.points)
    assert weights.min() > -1e-9 and weights.max() < 1 + 1e-9


def test_the_generator_decides():
    mesh = trimesh.creation.icosphere(2)
    one, same, other = (sample_surface(mesh, 100, np.random.default_rng(seed)).points for seed in (3, 3, 4))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


def test_triangles_without_area_get_no_points_and_no_normal():
    mesh = trimesh.Trimesh(
        [[0, 0, 0], [1, 0, 0], [0, 1, 0], [2, 0, 0]], [[0, 1, 3], [0, 1, 2], [0, 0, 0]], process=False
    )
    assert set(sample_surface(mesh, 50, np.random.default_rng(0)).faces) == {1}
    np.testing.assert_array_equal(face_normals(mesh), [[0, 0, 0], [0, 0, 1], [0, 0, 0]])
    assert triangle_areas(mesh.triangles) == pytest.approx([0, 0.5, 0])
