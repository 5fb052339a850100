"""A field that is rounded off where it touches zero is asked from a width away, on both sides."""

from __future__ import annotations

import math

import numpy as np
import pytest
import trimesh

from neurfield.surfaces import extract_dual_mesh, extract_surface
from neurfield.surfaces.both_sides import Look, look_of, steadied
from neurfield.surfaces.unsigned import Lattice
from tests.surfaces.test_extractors import Field
from tests.surfaces.unsigned_shapes import (
    BOX,
    border_length,
    edge_uses,
    euler,
    field_of,
    hemisphere,
    rounded,
    sphere,
)

WIDTH, WAVE = 0.012, 0.001


def plane_with_border(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distance to z = 0, x < 0, rounded off below 0.1 and not less than 0.05."""
    way = np.stack([np.maximum(points[:, 0], 0.0), 0.0 * points[:, 1], points[:, 2]], axis=1)
    distance = np.linalg.norm(way, axis=1)
    value = np.where(distance < 0.1, 0.05 + 5.0 * distance**2, distance)
    return value, way / np.maximum(distance, 1e-12)[:, None]


def test_a_width_away_distances_are_those_without_rounding() -> None:
    points = np.random.default_rng(0).uniform(-0.08, 0.08, size=(2000, 3))
    within = points[points[:, 0] < -0.06]
    look = look_of(
        plane_with_border, within * [1.0, 1.0, 0.0], np.tile([0.0, 0.0, 1.0], (len(within), 1)), 0.2
    )
    assert look.floor == pytest.approx(0.0, abs=1e-9)
    answers = plane_with_border(within)
    distance, normal = steadied(plane_with_border, within, *answers, look)
    np.testing.assert_allclose(distance, np.abs(within[:, 2]), atol=1e-9)
    assert (normal[:, 2] * within[:, 2] >= 0.0).all()
    assert np.abs(answers[0] - np.abs(within[:, 2])).max() > 0.02


def test_beyond_a_border_there_is_a_distance_to_it_and_far_off_nothing_changes() -> None:
    look = Look(0.2, 0.0, 0.01)
    ahead = np.array([[0.1, 0.0, 0.0], [0.15, 0.3, 0.01]])
    distance, normal = steadied(plane_with_border, ahead, *plane_with_border(ahead), look)
    np.testing.assert_allclose(distance, ahead[:, 0], atol=0.05)
    assert (normal[:, 0] > 0.8).all()
    far = np.array([[-1.0, 0.0, 0.5]])
    answers = plane_with_border(far)
    assert steadied(plane_with_border, far, *answers, look)[0] == answers[0]


def test_noise_is_less_once_seen_from_both_sides_and_exact_fields_are_left_alone() -> None:
    lattice = Lattice(rounded(field_of(sphere()), WIDTH, WAVE), BOX, 2.0 / 256)
    corners = np.array([[i, j, k] for i in (0, 1) for j in (0, 1) for k in (0, 1)])
    before = lattice.near_surface(corners, 1).noise
    lattice.steady()
    assert lattice.look is not None and lattice.near_surface(corners, 1).noise < 0.3 * before
    exact = Lattice(field_of(sphere()), BOX, 2.0 / 64)
    exact.steady()
    assert exact.look is None


@pytest.mark.slow
def test_smaller_cells_do_not_tear_an_open_surface() -> None:
    query, rim = rounded(field_of(hemisphere()), WIDTH, WAVE), 2.0 * math.pi * 0.63
    away = []
    for resolution in (64, 128, 256):
        made = extract_surface(Field(query, "unsigned"), BOX, 2.0 / resolution)
        assert made.extractor == "dual-mesh" and (edge_uses(made.faces)[1] > 2).mean() < 2e-4
        assert border_length(made.vertices, made.faces) == pytest.approx(rim, rel=0.12)
        mesh = trimesh.Trimesh(made.vertices, made.faces, process=False)
        assert mesh.area == pytest.approx(2.0 * math.pi * 0.63**2, rel=0.03)
        away.append(np.abs(np.linalg.norm(mesh.triangles_center, axis=1) - 0.63).mean())
    assert away[2] < 1.2 * away[1] < 1.5 * away[0] and away[2] < 2.0 * WAVE


def test_a_closed_one_stays_closed() -> None:
    mesh = extract_dual_mesh(rounded(field_of(sphere(0.4)), WIDTH, WAVE), BOX, 2.0 / 128)
    assert (edge_uses(mesh.faces)[1] == 2).all() and euler(mesh.faces) == 2
