"""A cup's inside is interior and its outside is not; a lid over it finds nothing of it."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh

from benchmarks import interior, object_render

RADIUS, WALL, HEIGHT = 0.05, 0.004, 0.1


@pytest.fixture(scope="module")
def cup() -> trimesh.Trimesh:
    outline = [
        [0, 0], [RADIUS, 0], [RADIUS, HEIGHT], [RADIUS - WALL, HEIGHT], [RADIUS - WALL, WALL], [0, WALL],
    ]  # fmt: skip
    mesh = trimesh.creation.revolve(outline, sections=48)
    assert mesh.is_watertight and mesh.volume > 0
    return mesh


def test_the_inside_of_a_cup_is_interior(cup: trimesh.Trimesh) -> None:
    cameras = object_render.orbit_cameras(cup.bounds, n=32, size=64)
    points, share = interior.interior_samples(cup, cameras, count=8000)
    radius = np.hypot(points[:, 0], points[:, 1])
    assert ((radius < RADIUS - WALL / 2) & (points[:, 2] > WALL / 2)).all()
    wall = points[(radius > 0.9 * (RADIUS - WALL)) & (points[:, 2] > 2 * WALL)]
    assert 0.3 < share < 0.55 and wall[:, 2].max() > 0.8 * HEIGHT  # but for the part beside the rim
    assert (points[:, 2] < 1.5 * WALL).sum() > 0.5 * 8000 * (RADIUS - WALL) ** 2 * np.pi / cup.area  # floor


def test_an_open_sky_is_a_share_of_the_cosine(cup: trimesh.Trimesh) -> None:
    up, out = np.array([[0.0, 0.0, 1.0]]), np.array([[1.0, 0.0, 0.0]])
    assert interior.open_sky(cup, np.array([[0.0, 0.0, HEIGHT + 0.01]]), up) == 1
    assert interior.open_sky(cup, np.array([[RADIUS, 0.0, HEIGHT / 2]]), out) > 0.95
    # From the middle of the floor the mouth is a cone of half angle a: sin(a)^2 of the cosine's hemisphere.
    places = np.repeat([[0.0, 0.0, WALL]], 200, axis=0)
    seen = interior.open_sky(cup, places, np.repeat(up, 200, axis=0)).mean()
    half = np.arctan((RADIUS - WALL) / (HEIGHT - WALL))
    assert np.isclose(seen, np.sin(half) ** 2, atol=0.02)


def test_a_lid_finds_none_of_the_inside_and_the_cup_all(cup: trimesh.Trimesh) -> None:
    cameras = object_render.orbit_cameras(cup.bounds, n=32, size=64)
    points, _ = interior.interior_samples(cup, cameras, count=4000)
    near = 0.01 * float(np.linalg.norm(cup.extents))
    assert interior.interior_recall(cup, points, near) == 1
    assert interior.interior_recall(cup.convex_hull, points, near) < 0.05
