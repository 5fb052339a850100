"""Cutting a surface finer leaves it where it was; light points lie on its free side."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh
from synthetic_room import room

from neurfield.scenes.synthesis.tessellation import face_normals, place_light_points, split_long_edges


def triangles(seed: int, n: int = 30) -> tuple[np.ndarray, np.ndarray]:
    """Random triangles, some of them long and thin."""
    rng = np.random.default_rng(seed)
    corners = rng.uniform(0, 3, (n, 3, 3))
    corners[::2, 1] = corners[::2, 0] + rng.normal(0, 0.01, (len(corners[::2]), 3))
    return corners.reshape(-1, 3), np.arange(3 * n).reshape(-1, 3)


@pytest.mark.parametrize("seed", range(3))
def test_pieces_of_a_face_fill_it_and_face_its_way(seed: int) -> None:
    vertices, faces = triangles(seed)
    new_vertices, new_faces, parent = split_long_edges(vertices, faces, 0.1)
    normals, areas = face_normals(vertices, faces)
    new_normals, new_areas = face_normals(new_vertices, new_faces)
    assert np.allclose(np.bincount(parent, new_areas), areas, rtol=1e-3)
    large = new_areas > 1e-6
    assert (np.einsum("ki,ki->k", new_normals, normals[parent])[large] > 0.99).all()


def test_edges_of_the_surface_are_short_afterwards() -> None:
    vertices, faces, _ = split_long_edges(*triangles(5), 0.1)
    edges = vertices[faces] - vertices[np.roll(faces, -1, axis=1)]
    # Diagonals between the cuts of two edges may be a little longer.
    assert np.linalg.norm(edges, axis=-1).max() < 0.2


def test_no_crack_opens() -> None:
    box, ball = trimesh.creation.box((2.0, 1.1, 0.03)), trimesh.creation.icosphere(subdivisions=2)
    for mesh in (box, ball):
        vertices, faces, _ = split_long_edges(mesh.vertices, mesh.faces, 0.07)
        assert len(faces) > len(mesh.faces)
        assert trimesh.Trimesh(vertices, faces, process=False).is_watertight


def test_a_pole_is_cut_across_only() -> None:
    pole = trimesh.creation.cylinder(radius=0.01, height=2.0, sections=16)
    for edge in (0.1, 0.05, 0.025):
        _, faces, _ = split_long_edges(pole.vertices, pole.faces, edge)
        # Parts along 2 m: up to twice as many as asked for; four triangles for each, on 16 sides; two lids.
        assert len(faces) < 16 * 4 * (2 * 2.0 / edge) + 64


def test_faces_may_have_an_edge_length_each() -> None:
    mesh = trimesh.creation.box((1, 1, 1))
    _, _, parent = split_long_edges(mesh.vertices, mesh.faces, np.where(np.arange(12) == 0, 0.1, 9.0))
    counts = np.bincount(parent)
    assert counts[0] > 50 and (counts[1:] == 1).all()


def test_nothing_to_cut() -> None:
    vertices, faces, parent = split_long_edges(np.zeros((0, 3)), np.zeros((0, 3), int), 0.1)
    assert len(vertices) == len(faces) == len(parent) == 0


def light_points(edge: float = 0.1):
    model = room()
    vertices, faces, parent = split_long_edges(model.vertices, model.faces, edge)
    return (
        model,
        vertices,
        faces,
        parent,
        place_light_points(vertices, faces, model.face_instance[parent], 0.002),
    )


def test_light_points_of_the_walls_are_inside_the_room() -> None:
    model, _, _, parent, (positions, normals, corner) = light_points()
    own = np.unique(corner[model.face_instance[parent] == 0])
    assert (positions[own] > model.bounds[0]).all() and (positions[own] < model.bounds[1]).all()
    assert np.allclose(np.abs(normals[own]).max(axis=1), 1, atol=1e-6)


def test_light_points_stay_at_their_corners_and_turn_with_the_surface() -> None:
    _, vertices, faces, _, (positions, normals, corner) = light_points()
    away = np.linalg.norm(positions[corner] - vertices[faces], axis=-1)
    assert away.max() < 0.01
    flat, _ = face_normals(vertices, faces)
    assert (np.einsum("fci,fi->fc", normals[corner], flat) > np.cos(np.radians(45))).all()


def test_a_ball_is_smooth_and_a_box_is_not() -> None:
    ball = trimesh.creation.icosphere(subdivisions=3)
    positions, normals, _ = place_light_points(ball.vertices, ball.faces, np.zeros(len(ball.faces), int), 0.0)
    assert len(positions) == len(ball.vertices)
    assert np.einsum("ki,ki->k", normals, positions).min() > 0.99
    box = trimesh.creation.box()
    assert len(place_light_points(box.vertices, box.faces, np.zeros(12, int), 0.0)[0]) == 24
