"""Portraits: light falls where it should, and what is not mesh lets the page through."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh

from neurfield.report.shown_mesh import ShownMesh, corner_normals, shown_mesh
from neurfield.report.studio import Portrait, Studio
from neurfield.report.viewpoints import look_at
from tests.report.conftest import coloured_ball, room

UP = np.array([0.0, 0.0, 1.0])


def drawn(mesh: trimesh.Trimesh, eye: tuple[float, ...], cull: bool = False, fov: float = 40.0) -> Portrait:
    view = look_at(np.array(eye), np.zeros(3), UP, fov)
    return Studio(shown_mesh(mesh, 10**6), UP).look(view, cull).portrait(160, 120)


def test_around_the_mesh_nothing_is_drawn_and_its_rim_is_smooth() -> None:
    portrait = drawn(trimesh.creation.icosphere(subdivisions=4), (0.0, -5.0, 0.0))
    cover = portrait.clay[..., 3]
    assert cover[0, 0] == 0 and cover[60, 80] == 255
    assert ((cover > 0) & (cover < 255)).sum() > 50
    radius = 60 / np.tan(np.radians(20)) * np.tan(np.arcsin(1 / 5))
    assert cover.sum() / 255 == pytest.approx(np.pi * radius**2, rel=0.02)


def test_colours_are_where_they_are_in_the_world() -> None:
    color = drawn(coloured_ball(), (0.0, -5.0, 0.0)).color.astype(int)  # x is to the right
    assert color[60, 65, 2] > 100 > color[60, 65, 0] and color[60, 95, 0] > 100 > color[60, 95, 2]


def test_a_ball_on_a_floor_shades_it_softly() -> None:
    floor = trimesh.creation.box([6.0, 6.0, 0.1])
    floor.apply_translation([0.0, 0.0, -0.55])
    ball = trimesh.creation.icosphere(subdivisions=3, radius=0.5)
    lit = drawn(floor, (0.0, -5.0, 5.0)).clay[..., 0].astype(float)
    shaded = drawn(trimesh.util.concatenate([floor, ball]), (0.0, -5.0, 5.0)).clay[..., 0].astype(float)
    alone = drawn(ball, (0.0, -5.0, 5.0)).clay[..., 3]
    of_floor = (alone == 0) & (drawn(floor, (0.0, -5.0, 5.0)).clay[..., 3] == 255)
    darker = np.where(of_floor, lit - shaded, 0.0)
    assert darker.max() > 40  # where it touches
    assert ((darker > 8) & (darker < 32)).sum() > 20  # and not at once
    assert np.median(np.abs(darker[of_floor])) < 2  # far away nothing has changed


def test_light_enters_a_room_through_the_walls_that_are_left_out() -> None:
    view = (3.0, -4.0, 4.0)
    opened = drawn(room(), view, cull=True)
    assert opened.clay[opened.clay[..., 3] == 255][:, :3].mean() > 120
    closed = drawn(room(), view)
    assert closed.clay[..., 3].sum() >= opened.clay[..., 3].sum()


def test_the_view_with_less_in_the_way_is_clearer() -> None:
    fence = [trimesh.creation.box([0.05, 0.05, 2.0]) for _ in range(12)]
    for k, bar in enumerate(fence):
        bar.apply_translation([-1.0 + k / 6, -1.5, 0.0])
    wall = trimesh.creation.box([3.0, 0.1, 3.0])
    studio = Studio(shown_mesh(trimesh.util.concatenate([wall, *fence]), 10**6), UP)
    front, back = (
        studio.look(look_at(np.array([0.0, y, 0.0]), np.zeros(3), UP), False).clutter() for y in (-6.0, 6.0)
    )
    assert back < 0.5 * front


def test_nothing_to_see_is_an_empty_picture() -> None:
    sheet = ShownMesh(np.eye(3), np.array([[0, 1, 2]]), None)
    view = look_at(np.array([-3.0, -3.0, -3.0]), np.zeros(3), UP)
    assert not Studio(sheet, UP).look(view, True).portrait(20, 16).clay.any()


def test_normals_are_smooth_on_a_ball_and_sharp_on_a_box() -> None:
    ball = trimesh.creation.icosphere(subdivisions=4)
    normals = corner_normals(ball.vertices, ball.faces)
    assert np.einsum("fci,fci->fc", normals, ball.vertices[ball.faces]).min() > 0.999
    box = trimesh.creation.box([1.0, 2.0, 3.0])
    assert np.abs(corner_normals(box.vertices, box.faces) - box.face_normals[:, None]).max() < 1e-6
