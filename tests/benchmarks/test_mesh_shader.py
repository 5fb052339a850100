"""Meshes as the pictures of benchmarks draw them."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh

from benchmarks.mesh_shader import MeshShader
from neurfield.report.viewpoints import four_sides, look_at
from tests.report.conftest import coloured_ball, room

UP = np.array([0.0, 0.0, 1.0])


def test_ball_is_a_disc_of_the_right_size() -> None:
    view = look_at(np.array([0.0, -5.0, 0.0]), np.zeros(3), UP, fov=40.0)
    picture = MeshShader(trimesh.creation.icosphere(subdivisions=4)).draw(view, 200, 150, samples=1)
    # The silhouette of a unit sphere at distance 5 is a cone of half angle asin(1/5).
    radius = 75 / np.tan(np.radians(20)) * np.tan(np.arcsin(1 / 5))
    assert picture.hit.sum() == pytest.approx(np.pi * radius**2, rel=0.02)
    rows, columns = np.nonzero(picture.hit)
    assert [columns.mean(), rows.mean()] == pytest.approx([99.5, 74.5], abs=0.5)
    assert (picture.clay[~picture.hit] == 255).all()


def test_colours_are_on_the_side_where_they_are_in_the_world() -> None:
    view = look_at(np.array([0.0, -5.0, 0.0]), np.zeros(3), UP)  # x is to the right
    color = MeshShader(coloured_ball()).draw(view, 100, 100).color.astype(int)
    left, right = color[50, 35], color[50, 65]
    assert left[2] > 100 > left[0] and right[0] > 100 > right[2]


def test_up_is_up() -> None:
    mesh = coloured_ball()
    red = np.asarray(mesh.vertices)[:, 2:] > 0
    mesh.visual.vertex_colors = np.where(red, [255, 0, 0, 255], [0, 0, 255, 255]).astype(np.uint8)
    view = four_sides(np.array([[-1.0] * 3, [1.0] * 3]), "outside", UP, 1.0)[0]
    color = MeshShader(mesh).draw(view, 100, 100).color.astype(int)
    assert color[25, 50, 0] > 100 and color[75, 50, 2] > 100


def test_one_looks_into_a_room_through_its_walls() -> None:
    mesh = room()
    view = four_sides(np.asarray(mesh.bounds), "inside", UP, 1.0)[0]
    shader = MeshShader(mesh)
    closed = shader.draw(view, 120, 120, samples=1)
    opened = shader.draw(view, 120, 120, cull=True, samples=1)
    ball = mesh.submesh([np.arange(12, len(mesh.faces))], append=True)
    ball_alone = MeshShader(ball).draw(view, 120, 120, samples=1)
    seen = ball_alone.hit & (opened.clay == ball_alone.clay).all(axis=-1)
    assert seen.sum() > 0.9 * ball_alone.hit.sum()
    hidden = ball_alone.hit & (closed.clay == ball_alone.clay).all(axis=-1)
    assert hidden.sum() < 0.1 * ball_alone.hit.sum()


def test_nothing_to_see_is_a_blank_picture() -> None:
    triangle = trimesh.Trimesh([[0, 0, 0], [1, 0, 0], [0, 1, 0]], [[0, 1, 2]], process=False)
    below = look_at(np.array([0.3, 0.3, -3.0]), np.array([0.3, 0.3, 0.0]), UP)
    picture = MeshShader(triangle).draw(below, 40, 30, cull=True)
    assert not picture.hit.any() and (picture.color == 255).all()
