"""Sheets with two sides: what is told of points around them is their distance, and straight across them."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import trimesh

from neurfield.shapes import Shape, UnitShape, mend, sided
from neurfield.shapes.sheets import WIDTH
from neurfield.shapes.sides import unit_normals
from neurfield.shapes.turned import turned_faces


def unit(mesh: trimesh.Trimesh) -> UnitShape:
    return UnitShape(mend(Shape("sheet", np.asarray(mesh.vertices), np.asarray(mesh.faces))))


def half_ball() -> trimesh.Trimesh:
    rise = np.linspace(0.0, 0.5 * np.pi, 33)
    profile = np.stack([np.cos(rise), np.sin(rise)], axis=1)
    profile[-1, 0] = 0.0
    half = trimesh.creation.revolve(profile, sections=128)
    half.update_faces(half.nondegenerate_faces())
    return half


def strip(count: int = 200) -> trimesh.Trimesh:
    """A Moebius strip."""
    angle = np.arange(count) * (2.0 * np.pi / count)
    out = np.stack([np.cos(angle), np.sin(angle), 0.0 * angle], axis=1)
    across = np.cos(angle / 2)[:, None] * out + np.sin(angle / 2)[:, None] * [[0.0, 0.0, 1.0]]
    vertices = np.concatenate([out - 0.3 * across, out + 0.3 * across])
    low = np.arange(count)
    following = np.where(low + 1 < count, low + 1, count)  # the turn: low goes on as high
    high, after = low + count, np.where(low + 1 < count, low + 1 + count, 0)
    faces = np.concatenate([np.stack([low, following, high], 1), np.stack([high, following, after], 1)])
    return trimesh.Trimesh(vertices, faces, process=False)


SHEETS = {"half ball": half_ball(), "box": trimesh.creation.box(), "strip": strip()}


@pytest.mark.parametrize("name", SHEETS)
def test_both_together_are_the_distance_everywhere(name: str) -> None:
    shape = unit(SHEETS[name])
    points = torch.rand(20000, 3, generator=torch.Generator().manual_seed(0)) * 2.0 - 1.0
    near = shape.sample(20000, torch.Generator().manual_seed(1))[0]
    noise = torch.randn(near.shape, generator=torch.Generator().manual_seed(2))
    points = torch.cat([points, near + 0.02 * noise])
    found = sided(shape, points)
    both = torch.maximum(found.side.abs(), found.beyond)
    torch.testing.assert_close(both, found.distance, atol=1e-3, rtol=0)
    assert float((found.side.abs() - found.distance).max()) < 1e-6
    torch.testing.assert_close(found.distance, shape.distance(points))


def test_sides_differ_across_the_sheet_and_the_middle_of_it_is_told_by_them() -> None:
    shape = unit(half_ball())
    places, normals = shape.sample(4000, torch.Generator().manual_seed(0))
    above, below = (sided(shape, places + step * normals) for step in (0.005, -0.005))
    assert float((above.side * below.side).max()) < 0.0
    rim = places[:, 2] - shape.points[:, 2].min() < 0.1
    assert float(above.beyond[~rim].max()) < -0.02 and float(above.side.abs().max()) < 0.0051


def test_behind_the_border_the_side_goes_through_zero_and_beyond_does_not() -> None:
    shape = unit(half_ball())
    angle = torch.linspace(0.0, 2.0 * math.pi, 50)
    radius, low = 1.0 / shape.frame.half, float(shape.points[:, 2].min())
    ring = torch.stack([radius * angle.cos(), radius * angle.sin(), torch.full_like(angle, low - 0.1)], dim=1)
    found = sided(shape, ring)
    assert float(found.side.abs().max()) < 0.02
    torch.testing.assert_close(found.beyond, found.distance, atol=1e-3, rtol=0)


def test_sides_of_a_closed_mesh_are_its_inside_at_creases_and_corners_too() -> None:
    box = trimesh.creation.box().apply_transform(trimesh.transformations.rotation_matrix(0.7, [1, 2, 3]))
    shape = unit(box)
    points = torch.rand(20000, 3, generator=torch.Generator().manual_seed(0)) * 2.0 - 1.0
    found = sided(shape, points)
    torch.testing.assert_close(found.side, shape.sdf(points), atol=1e-5, rtol=0)
    torch.testing.assert_close(found.beyond, found.distance - WIDTH)


def test_where_a_strip_of_one_side_is_turned_over_its_distance_is_told_without_sides() -> None:
    shape = unit(strip())
    seam = shape.points[[0, 200]].mean(dim=0, keepdim=True)
    found = sided(shape, seam + torch.tensor([[0.0, 0.0, 0.004], [0.004, 0.0, 0.0]]))
    torch.testing.assert_close(found.beyond, found.distance, atol=5e-3, rtol=0)


def two_squares(gap: float, turned: bool = False) -> trimesh.Trimesh:
    """Two squares, one above the other, that face up; `turned`: the upper one faces down."""
    corners = np.array([[-1.0, -1.0, 0.0], [1.0, -1.0, 0.0], [1.0, 1.0, 0.0], [-1.0, 1.0, 0.0]])
    above = corners + np.array([0.0, 0.0, gap])
    faces = np.array([[0, 1, 2], [0, 2, 3]])
    upper = 4 + (faces[:, ::-1] if turned else faces)
    return trimesh.Trimesh(np.concatenate([corners, above]), np.concatenate([faces, upper]), process=False)


def roll(gap: float) -> trimesh.Trimesh:
    """One sheet that lies above itself: along, up, back and below, facing up both times."""
    path = np.array([[-1.0, 0.0], [1.0, 0.0], [1.0, 0.5], [-1.5, 0.5], [-1.5, -gap], [1.0, -gap]])
    count = len(path)
    sides = [np.stack([path[:, 0], np.full(count, y), path[:, 1]], axis=1) for y in (-1.0, 1.0)]
    low = np.arange(count - 1)
    over = low + count
    faces = np.concatenate([np.stack([low, low + 1, over + 1], 1), np.stack([low, over + 1, over], 1)])
    return trimesh.Trimesh(np.concatenate(sides), faces, process=False)


@pytest.mark.parametrize("gap", [0.01, 0.02, 0.04])
def test_between_turns_of_a_roll_beyond_is_the_distance_where_sides_jump(gap: float) -> None:
    shape = unit(roll(gap))
    low = float(shape.points[:, 2].min())
    gap = gap / shape.frame.half
    share = torch.linspace(0.02, 0.98, 99)
    across = torch.stack([0.1 + 0 * share, 0.2 + 0 * share, low + gap * share], dim=1)
    found = sided(shape, across)
    assert (found.side[share < 0.5].sign() == -found.side[share > 0.5].flip(0).sign()).all()
    middle = (share - 0.5).abs() < 0.03
    torch.testing.assert_close(found.beyond[middle], found.distance[middle], atol=0.06 * gap, rtol=0)
    beside = torch.tensor([[0.1, 0.2, low + 0.02 * gap], [0.1, 0.2, low + 0.98 * gap]])
    assert float(sided(shape, beside).beyond.max()) < -0.4 * gap  # below zero on the sheets, as elsewhere
    # Above and below both turns nothing jumps.
    outside = torch.tensor([[0.1, 0.2, low - 0.001], [0.1, 0.2, low + gap + 0.001]])
    whole = torch.full((2,), 0.001 - WIDTH)
    torch.testing.assert_close(sided(shape, outside).beyond, whole, atol=1e-6, rtol=0)


@pytest.mark.parametrize("turned", [False, True])
def test_pieces_are_turned_so_that_nothing_jumps_between_them(turned: bool) -> None:
    shape = unit(two_squares(0.03, turned))
    share = torch.linspace(0.02, 0.98, 49)[:, None]
    points = torch.tensor([[0.1, 0.2, 0.0]]) + share * torch.tensor([[0.0, 0.0, 0.03 / shape.frame.half]])
    points[:, 2] += shape.points[:, 2].min()
    found = sided(shape, points)
    assert len(found.side.sign().unique()) == 1
    torch.testing.assert_close(found.beyond, found.distance - WIDTH, atol=1e-6, rtol=0)


def test_every_second_sheet_of_a_stack_is_turned_over_however_they_were() -> None:
    heights = 0.02 * np.arange(7)
    heights[5:] += 1.0  # two of them are far from the others
    over = np.random.default_rng(0).random(len(heights)) < 0.5
    square = np.array([[-1.0, -1.0, 0.0], [1.0, -1.0, 0.0], [1.0, 1.0, 0.0], [-1.0, 1.0, 0.0]])
    vertices = np.concatenate([square + np.array([0.0, 0.0, height]) for height in heights])
    faces = np.concatenate(
        [
            4 * k + (np.array([[2, 1, 0], [3, 2, 0]]) if o else np.array([[0, 1, 2], [0, 2, 3]]))
            for k, o in enumerate(over)
        ]
    )
    shape = unit(trimesh.Trimesh(vertices, faces, process=False))
    turned = turned_faces(shape, WIDTH, (0.25, 0.5, 1.0))
    up = unit_normals(shape.points[torch.from_numpy(turned)])[::2, 2]
    assert (up[:4] * up[1:5] < 0).all() and up[5] * up[6] < 0
    assert np.array_equal(np.sort(turned, axis=1), np.sort(shape.shape.faces, axis=1))


def test_a_mesh_whose_faces_turn_at_random_has_sides() -> None:
    ball = trimesh.creation.icosphere(3)
    over = np.random.default_rng(1).random(len(ball.faces)) < 0.5
    ball.faces[over] = ball.faces[over][:, ::-1]
    shape = unit(ball)
    places, _ = shape.sample(2000, torch.Generator().manual_seed(0))
    outwards = torch.nn.functional.normalize(places, dim=1)
    found = sided(shape, places + 0.01 * outwards)
    assert float(found.side.min()) > 0.0
    torch.testing.assert_close(found.beyond, found.distance - WIDTH)
