"""Points on triangles, thinned out: counts and distances that can be written down."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh
from scipy.spatial import cKDTree

from neurfield.evaluation.dense import dense_points, points_on, thinned, voxel_means

EVERYWHERE = np.array([[-1e9] * 3, [1e9] * 3])


@pytest.mark.parametrize("corners", [[(0, 0, 0), (1, 0, 0), (0, 1, 0)], [(0, 0, 0), (2, 0, 1), (1, 1, 0)]])
def test_a_triangle_has_a_point_in_each_square_of_the_spacing(corners: list[tuple[float, ...]]) -> None:
    triangle = np.array([corners], float)
    points = points_on(triangle, 0.01, EVERYWHERE)
    area = trimesh.triangles.area(triangle)[0]
    assert len(points) == pytest.approx(area / 0.01**2, rel=0.03)
    barycentric = trimesh.triangles.points_to_barycentric(np.repeat(triangle, len(points), 0), points)
    assert (barycentric > 0).all()
    np.testing.assert_allclose(trimesh.triangles.barycentric_to_points(
        np.repeat(triangle, len(points), 0), barycentric), points, atol=1e-12)  # fmt: skip


def test_points_are_those_of_a_lattice_half_a_step_in() -> None:
    points = points_on(np.array([[(0, 0, 0), (4, 0, 0), (0, 3, 0)]], float), 1.0, EVERYWHERE)
    expected = [
        (i + 0.5, j + 0.5, 0) for i in range(4) for j in range(3) if (i + 0.5) / 4 + (j + 0.5) / 3 < 1
    ]
    np.testing.assert_allclose(points, expected)


def test_many_triangles_are_each_as_alone_whatever_fits_into_a_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    mesh = trimesh.creation.icosphere(2, 1.0)
    mesh.vertices *= [1.0, 0.3, 0.5]
    together = points_on(mesh.triangles, 0.03, EVERYWHERE)
    alone = [points_on(mesh.triangles[k : k + 1], 0.03, EVERYWHERE) for k in range(len(mesh.faces))]
    np.testing.assert_array_equal(together, np.concatenate(alone))
    monkeypatch.setattr("neurfield.evaluation.dense._CHUNK", 7)
    np.testing.assert_array_equal(together, points_on(mesh.triangles, 0.03, EVERYWHERE))


def test_what_is_small_or_has_no_area_has_its_corners_alone() -> None:
    tiny = trimesh.Trimesh(
        [[0, 0, 0], [0.1, 0, 0], [0, 0.1, 0], [5, 5, 5]], [[0, 1, 2], [0, 1, 1]], process=False
    )
    np.testing.assert_array_equal(dense_points(tiny, 0.2, EVERYWHERE), tiny.vertices[:3])


def test_only_what_is_in_the_region_is_made() -> None:
    mesh = trimesh.creation.box((2.0, 2.0, 2.0))
    region = np.array([[-1.0, -1, -1], [0.5, 0.25, 1]])
    some, every = dense_points(mesh, 0.05, region), dense_points(mesh, 0.05, EVERYWHERE)
    inside = ((every >= region[0]) & (every <= region[1])).all(axis=1)
    np.testing.assert_array_equal(np.unique(some, axis=0), np.unique(every[inside], axis=0))


def test_thinned_points_are_apart_and_what_went_is_near_one() -> None:
    points = np.random.default_rng(0).random((4000, 3))
    kept = thinned(points, 0.1, np.random.default_rng(1))
    assert cKDTree(kept).query(kept, k=2)[0][:, 1].min() > 0.1
    assert cKDTree(kept).query(points)[0].max() <= 0.1


def test_thinning_is_that_of_one_point_after_the_other() -> None:
    points = np.random.default_rng(2).random((500, 3))
    kept = thinned(points, 0.2, np.random.default_rng(3))
    one_by_one: list[np.ndarray] = []
    for point in np.random.default_rng(3).permutation(points):
        if all(np.linalg.norm(point - other) > 0.2 for other in one_by_one):
            one_by_one.append(point)
    np.testing.assert_array_equal(kept, one_by_one)


def test_a_voxel_has_the_mean_of_its_points() -> None:
    points = np.array([[0.0, 0, 0], [0.4, 0, 0], [0.6, 0, 0], [1.0, 0, 0], [0.0, 3, 0]])
    # The first voxel begins at -0.5 in each axis.
    np.testing.assert_allclose(
        sorted(voxel_means(points, 1.0).tolist()), [[0, 3, 0], [0.2, 0, 0], [0.8, 0, 0]]
    )
    assert voxel_means(np.zeros((0, 3)), 1.0).shape == (0, 3)
