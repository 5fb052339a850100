"""What stands on the ground of a mesh, without the ground."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh
from scipy.spatial.transform import Rotation

from neurfield.errors import UserError
from neurfield.surfaces import find_ground, on_ground, what_stands
from neurfield.surfaces.level_set import extract_level_set

BOX = np.array([[-1.0, -0.8, -0.3], [1.0, 0.8, 0.7]])
SQUARE = np.array([[-1.0, -1, -0.3], [1, 1, 0.7]])


def ground(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Rough, and a step higher beyond y = 0.4, as a pavement is."""
    return 0.01 * np.sin(23 * x) * np.cos(31 * y) + np.where(y > 0.4, 0.06, 0.0)


def car(points: np.ndarray, turn: np.ndarray, thing: bool = True, slab: bool = True) -> np.ndarray:
    """The signed distance (about) of a body with a level roof on rough ground, which is a slab."""
    p = points @ turn
    height = p[:, 2] - ground(p[:, 0], p[:, 1])
    bottom = np.maximum(height, -height - 0.15) if slab else height
    body = np.abs(p - [0.0, -0.1, 0.2]) - [0.5, 0.25, 0.2]
    outside = np.linalg.norm(np.maximum(body, 0), axis=1) + np.minimum(body.max(axis=1), 0)
    return np.minimum(bottom, outside) if thing else bottom


def mesh_of(turn: np.ndarray, **what: bool) -> tuple[trimesh.Trimesh, np.ndarray]:
    """The mesh in the box that holds the turned one, cut off at its sides as by the user's box."""
    import torch

    corners = np.stack(np.meshgrid(*BOX.T), axis=-1).reshape(-1, 3) @ turn.T
    box = np.stack([corners.min(axis=0), corners.max(axis=0)])

    def sdf(points: torch.Tensor) -> torch.Tensor:
        return torch.from_numpy(car(points.numpy().astype(np.float64), turn, **what)).float()

    vertices, faces = extract_level_set(sdf, box, 0.02)
    return trimesh.Trimesh(vertices, faces, process=False), box


TURNS = [np.eye(3), Rotation.from_rotvec([0.4, -0.2, 0.9]).as_matrix(), np.diag([1.0, -1.0, -1.0])]


@pytest.mark.parametrize("turn", TURNS, ids=["upright", "tilted", "upside down"])
@pytest.mark.parametrize("slab", [True, False])
def test_the_ground_goes_and_what_stands_on_it_stays_to_its_roof(turn: np.ndarray, slab: bool) -> None:
    mesh, box = mesh_of(turn, slab=slab)
    before = mesh.vertices.copy()
    left = on_ground(mesh, box)
    np.testing.assert_array_equal(mesh.vertices, before)
    p = np.asarray(left.vertices) @ turn
    assert (p[:, 2] > -0.05).all() and p[:, 2].max() == pytest.approx(0.4, abs=0.02)
    assert np.abs(p[:, 0]).max() < 0.56 and (p[:, 1] < 0.22).all()
    sides_and_roof = 2 * 0.4 * (1.0 + 0.5) + 1.0 * 0.5
    assert left.area == pytest.approx(sides_and_roof, rel=0.1)
    found = find_ground(mesh, box)
    assert found is not None and found.up @ turn[:, 2] > 0.99
    assert len(on_ground(mesh, box).faces) == len(left.faces)


def test_colours_stay_where_they_were() -> None:
    mesh, box = mesh_of(np.eye(3))
    shade = np.clip(mesh.vertices * 100 + 128, 0, 255).astype(np.uint8)
    mesh.visual = trimesh.visual.ColorVisuals(mesh, vertex_colors=shade)
    left = on_ground(mesh, box)
    expected = np.clip(np.asarray(left.vertices) * 100 + 128, 0, 255).astype(np.uint8)
    np.testing.assert_array_equal(np.asarray(left.visual.vertex_colors)[:, :3], expected)


def test_where_nothing_is_ground_or_stands_on_it_it_is_said() -> None:
    ball = trimesh.creation.icosphere(3, 0.4)
    assert find_ground(ball, BOX) is None
    with pytest.raises(UserError, match="no level ground reaches the sides of the box"):
        on_ground(ball, BOX)
    bare, box = mesh_of(np.eye(3), thing=False)
    found = find_ground(bare, box)
    assert found is None or what_stands(bare, found) is None
    with pytest.raises(UserError, match="component object"):
        on_ground(bare, box)
    nothing = trimesh.Trimesh(np.zeros((0, 3)), np.zeros((0, 3), int))
    assert find_ground(nothing, BOX) is None


def test_a_table_within_the_box_is_no_ground() -> None:
    """Its top ends before the sides: what stands on it is one with it."""
    top = trimesh.creation.cylinder(0.5, 0.04)
    cup = trimesh.creation.cylinder(0.1, 0.3)
    cup.apply_translation([0, 0, 0.15])
    both = trimesh.util.concatenate([top, cup])
    assert find_ground(both, BOX) is None


def heights(height: np.ndarray, side: np.ndarray) -> trimesh.Trimesh:
    """The mesh of heights [n, n] over a square grid of these x and y [n]."""
    n = len(side)
    x, y = np.meshgrid(side, side, indexing="ij")
    k = np.arange(n * n).reshape(n, n)
    a, b, c, d = k[:-1, :-1].ravel(), k[1:, :-1].ravel(), k[1:, 1:].ravel(), k[:-1, 1:].ravel()
    faces = np.concatenate([np.stack([a, b, c], axis=1), np.stack([a, c, d], axis=1)])
    return trimesh.Trimesh(np.stack([x, y, height], axis=-1).reshape(-1, 3), faces, process=False)


def test_a_low_lid_is_no_ground_and_a_slope_is_none_above_a_tenth() -> None:
    side = np.linspace(-1, 1, 101)
    away = np.maximum(*np.abs(np.meshgrid(side, side, indexing="ij")))
    low = on_ground(heights(np.where(away < 0.41, 0.12, 0.0), side), SQUARE)  # as high as pavements may be
    assert low.area == pytest.approx(0.8**2 + 4 * 0.8 * 0.12, rel=0.15)
    slope = heights(np.clip(0.5 * (0.9 - away), 0, 0.4), side)  # 27 degrees
    left = np.asarray(on_ground(slope, SQUARE).vertices)
    assert left[:, 2].min() == pytest.approx(0.2, abs=0.02) and left[:, 2].max() == pytest.approx(0.4)
