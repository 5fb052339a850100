"""Meshes of clouds: where the points lie, closed where they are, open where they end, in their own place."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh

from neurfield.errors import UserError
from neurfield.shapes import mesh_of_cloud, poisson_surface
from neurfield.shapes.poisson import _conjugate_gradients, _differences, _upsampled
from tests.shapes.known_clouds import hollow_ball, noisy, plate, sphere, torus


def off_the_ring(mesh: trimesh.Trimesh, tube: float = 0.35) -> np.ndarray:
    """Distances [V] of vertices from the ring of `torus`."""
    points = np.asarray(mesh.vertices)
    return np.hypot(np.hypot(points[:, 0], points[:, 1]) - 1.0, points[:, 2]) - tube


def test_a_ring_comes_out_closed_and_in_place() -> None:
    points, normals = torus(10_000)
    made = mesh_of_cloud(points, normals)
    assert made.mesh.is_watertight and made.mesh.euler_number == 0 and made.trimmed == 0.0
    assert made.orientation is None
    assert np.abs(off_the_ring(made.mesh)).mean() < 0.05 * made.voxel
    assert np.abs(off_the_ring(made.mesh)).max() < 0.5 * made.voxel
    assert made.mesh.volume == pytest.approx(2.0 * np.pi**2 * 0.35**2, rel=0.01)  # so normals point outwards


def test_raw_points_are_enough() -> None:
    made = mesh_of_cloud(torus(10_000)[0])
    assert made.orientation is not None and made.mesh.euler_number == 0
    assert np.abs(off_the_ring(made.mesh)).mean() < 0.05 * made.voxel


def test_noise_is_averaged() -> None:
    points, deviation = noisy(torus(20_000)[0], 0.005)
    made = mesh_of_cloud(points)
    assert made.voxel > deviation
    assert made.mesh.euler_number == 0
    assert np.abs(off_the_ring(made.mesh)).mean() < 0.5 * deviation


def test_finer_points_make_a_finer_mesh() -> None:
    errors = [np.abs(off_the_ring(mesh_of_cloud(*torus(count)).mesh)).mean() for count in (2_000, 20_000)]
    assert errors[1] < 0.3 * errors[0]


def test_a_void_stays_and_a_plate_keeps_its_edges() -> None:
    hollow = mesh_of_cloud(*hollow_ball(8_000)).mesh
    assert hollow.volume == pytest.approx(4.0 / 3.0 * np.pi * (1.0 - 0.6**3), rel=0.02)
    assert mesh_of_cloud(*plate(20_000)).mesh.volume == pytest.approx(0.4, rel=0.05)


def test_where_points_end_the_mesh_ends() -> None:
    points, normals = sphere(20_000)
    upper = points[:, 2] > 0.0
    made = mesh_of_cloud(points[upper], normals[upper])
    assert made.trimmed == pytest.approx(1.0 / 3.0, abs=0.05)  # the disc that closed the half
    assert np.abs(np.linalg.norm(made.mesh.vertices, axis=1) - 1.0).max() < 4.0 * made.voxel
    fringe = made.mesh.area / (2.0 * np.pi) - 1.0  # along the border, whose length is 2 pi
    # Ten neighbours at a border lie within sqrt(20 / pi) voxels; twice that, and a voxel.
    assert 0.0 < fringe < (2.0 * np.sqrt(20.0 / np.pi) + 1.0) * made.voxel


def test_the_inside_of_a_room_comes_out_as_its_walls() -> None:
    points, normals = plate(20_000, thickness=1.2)
    made = mesh_of_cloud(points, -normals)
    assert made.mesh.volume == pytest.approx(-4.8, rel=0.03)  # normals into the room
    assert made.mesh.area == pytest.approx(8.0 + 4.0 * 2.4, rel=0.05)


def test_places_far_from_zero_are_kept() -> None:
    points, normals = torus(3000)
    away = np.array([5e5, -4e6, 300.0])
    here, there = (
        mesh_of_cloud(points, normals, voxel=0.05),
        mesh_of_cloud(points + away, normals, voxel=0.05),
    )
    assert len(here.mesh.faces) == pytest.approx(len(there.mesh.faces), rel=0.01)
    assert np.abs(off_the_ring(trimesh.Trimesh(there.mesh.vertices - away))).max() < 0.05


def test_colors_are_those_of_the_nearest_point() -> None:
    points, normals = torus(3000)
    colors = np.where(points[:, :1] > 0.0, [[255, 0, 0]], [[0, 0, 255]]).astype(np.uint8)
    mesh = mesh_of_cloud(points, normals, colors).mesh
    x = np.asarray(mesh.vertices)[:, 0]
    seen = np.asarray(mesh.visual.vertex_colors)[:, :3]  # type: ignore[union-attr]
    assert (seen[x > 0.2] == [255, 0, 0]).all() and (seen[x < -0.2] == [0, 0, 255]).all()


def test_the_voxel_is_that_which_was_asked_for() -> None:
    points, normals = torus(3000)
    made = mesh_of_cloud(points, normals, voxel=0.08)
    assert made.voxel == pytest.approx(0.08, rel=0.05)
    edges = np.asarray(made.mesh.edges_unique_length)
    assert edges.max() < 0.08 * np.sqrt(3.0) + 1e-6


def test_a_surface_does_not_follow_from_the_order_of_points() -> None:
    points, normals = torus(2000)
    areas = np.full(2000, 0.007)
    order = np.random.default_rng(0).permutation(2000)
    one = poisson_surface(points, normals, areas, 0.08)
    other = poisson_surface(points[order], normals[order], areas, 0.08)
    assert np.allclose(one.vertices, other.vertices, atol=1e-3)


@pytest.mark.parametrize(
    ("points", "says"),
    [
        (np.zeros((0, 3)), "holds 0 points"),
        (np.ones((20, 3)), "one place"),
        (np.full((20, 3), np.inf), "not finite"),
        (np.concatenate([np.zeros((60, 3)), np.ones((2, 3))]), "62 points lie in 2 places"),
    ],
)
def test_what_has_no_surface_is_told(points: np.ndarray, says: str) -> None:
    with pytest.raises(UserError, match=says):
        mesh_of_cloud(points, np.ones_like(points) / np.sqrt(3.0))


def test_a_finer_grid_has_the_values_of_a_linear_function() -> None:
    grid = np.indices((4, 5, 6)).astype(np.float32)
    fine = _upsampled(grid[0] + 2.0 * grid[1] - grid[2])
    finer = np.indices((7, 9, 11)) / 2.0
    assert np.allclose(fine, finer[0] + 2.0 * finer[1] - finer[2])


def test_equations_are_those_of_differences_with_fixed_values_around() -> None:
    random = np.random.default_rng(0)
    shape = (4, 5, 3)
    values = random.normal(size=shape).astype(np.float32)
    free = random.random(shape) < 0.6
    nodes = np.flatnonzero(free)
    number = np.full(values.size + 1, -1, dtype=np.int32)
    number[nodes] = np.arange(len(nodes))
    matrix, wanted = _differences(values.reshape(-1), shape, nodes, number)

    def energy(x: np.ndarray) -> float:
        filled = values.astype(np.float64).copy()
        filled.reshape(-1)[nodes] = x
        return float(sum((np.diff(filled, axis=axis) ** 2).sum() for axis in range(3)) / 2.0)

    start = random.normal(size=len(nodes))
    steps = 1e-4 * np.eye(len(nodes))
    slope = np.array([(energy(start + step) - energy(start - step)) / 2e-4 for step in steps])
    assert np.allclose(matrix @ start - wanted, slope, atol=1e-5)


def test_conjugate_gradients_solve() -> None:
    random = np.random.default_rng(0)
    factor = random.normal(size=(30, 30))
    matrix = factor @ factor.T + 5.0 * np.eye(30)
    true = random.normal(size=30)
    found = _conjugate_gradients(
        lambda x: matrix @ x, matrix @ true, np.zeros(30), matrix.diagonal(), rounds=100
    )
    assert np.allclose(found, true, atol=1e-2)
