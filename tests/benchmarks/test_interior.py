"""A cup's inside is interior and its outside is not; a lid over it finds nothing of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import trimesh

from benchmarks import interior, object_render
from neurfield.evaluation.culling import Visibility
from neurfield.scenes.images import FileList
from neurfield.scenes.scene import Scene

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


def test_the_grey_of_points_is_that_of_the_pictures_that_see_them(cup: trimesh.Trimesh) -> None:
    """Pictures that are lighter one by one; the inner wall hides from the cameras behind it."""
    cameras = object_render.orbit_cameras(cup.bounds, n=8, size=64)
    levels = np.arange(10, 90, 10)
    pictures = {f"{k}.png": np.full((64, 64, 3), level, np.uint8) for k, level in enumerate(levels)}
    files = {"image": FileList([Path(name) for name in pictures], lambda path: pictures[path.name])}
    scene = Scene("cup", Path("cup"), cameras, files)
    points = np.array(
        [[0.0, 0.0, 0.5 * WALL], [RADIUS - WALL, 0.0, 0.9 * HEIGHT]]
    )  # in the floor, on the wall
    visibility = Visibility(cup, cameras)
    seen = np.array([visibility.seen_from(i, points) for i in range(8)])
    found = interior.shown_grey(cup, scene, points)
    assert not seen[:, 0].any() and np.isnan(found[0])
    assert 0 < seen[:, 1].sum() < 8 and np.isclose(found[1], np.median(levels[seen[:, 1]]))
    # A camera sees the wall only from the other side of it.
    assert (cameras.centers[seen[:, 1], 0] < RADIUS).all()
