"""Light that does not move with the eye, and pieces that are left out between the eye and a room."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh

from neurfield.viewer.layers import Triangles, triangles_of
from neurfield.viewer.light import lit_colors, smoothed_normals
from neurfield.viewer.pieces import Pieces

LAMP = np.array([0.0, 0.0, 1.0])


def shown(mesh: trimesh.Trimesh) -> Triangles:
    return triangles_of(mesh, np.zeros(3))


def rough_floor_and_wall(rough: float) -> tuple[Triangles, np.ndarray]:
    """Two walls that meet at an edge, with rough normals; whether each vertex is of the floor."""
    n = 40
    i, j = np.meshgrid(np.arange(n), np.arange(2 * n), indexing="ij")
    along = np.minimum(j, n) / n, np.maximum(j - n, 0) / n
    vertices = np.stack([i / n, *along], axis=-1).reshape(-1, 3)
    corner = (np.arange(n - 1)[:, None] * 2 * n + np.arange(2 * n - 1)).ravel()
    quads = np.stack([corner, corner + 2 * n, corner + 2 * n + 1, corner + 1], axis=1)
    faces = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])
    surface = shown(trimesh.Trimesh(vertices, faces, process=False))
    normals = surface.normals + np.random.default_rng(0).normal(0, rough, surface.normals.shape)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    rough_surface = Triangles(surface.vertices, surface.faces, normals.astype(np.float32))
    return rough_surface, (j < n - 1).reshape(-1)


def test_roughness_is_smoothed_and_edges_stay() -> None:
    surface, floor = rough_floor_and_wall(0.1)
    smooth = smoothed_normals(surface)
    ideal = np.where(floor[:, None], [0.0, 0, 1], [0.0, -1, 0])
    far = np.abs(np.arange(len(floor)) % 80 - 39.5) > 2

    def error(normals: np.ndarray) -> float:
        return float(np.degrees(np.arccos(np.clip((normals * ideal).sum(axis=1)[far], -1, 1))).mean())

    assert error(smooth) < 0.4 * error(surface.normals)
    lit = lit_colors(surface, LAMP, smooth)
    assert lit[floor & far].mean() > lit[~floor & far].mean() + 0.2  # floor and wall differ


def test_light_follows_the_normal_alone() -> None:
    ball = shown(trimesh.creation.icosphere(subdivisions=3))
    light = lit_colors(ball, LAMP).mean(axis=1)
    order = np.argsort(ball.normals[:, 2])
    assert (np.diff(light[order]) > -1e-6).all() and light.min() > 0.2 and light.max() <= 1.0
    numbers = ball.painted(np.full((len(ball.vertices), 3), 77, np.uint8), lit=False)
    assert lit_colors(numbers, LAMP) == pytest.approx(77 / 255)


def test_nothing_has_no_light() -> None:
    empty = Triangles(np.zeros((0, 3), np.float32), np.zeros((0, 3), np.int32), np.zeros((0, 3), np.float32))
    assert smoothed_normals(empty).shape == (0, 3) and lit_colors(empty, LAMP).shape == (0, 3)


def fine_room() -> trimesh.Trimesh:
    room = trimesh.creation.box((4.0, 4.0, 3.0))
    room.invert()
    return room.subdivide_to_size(0.2)


def test_pieces_are_the_whole_surface() -> None:
    surface = shown(fine_room())
    for into in (True, False):
        pieces = Pieces(surface, into).pieces
        corners = np.concatenate([surface.vertices[piece.vertices][piece.faces] for piece in pieces])
        whole = surface.vertices[surface.faces]

        def ordered(triangles: np.ndarray) -> np.ndarray:
            flat = triangles.reshape(-1, 9)
            return flat[np.lexsort(flat.T)]

        np.testing.assert_array_equal(ordered(corners), ordered(whole))


def test_walls_between_the_eye_and_a_room_are_left_out() -> None:
    pieces = Pieces(shown(fine_room()), into=True)
    vertices = shown(fine_room()).vertices
    seen = pieces.shown_from(np.array([20.0, 0.0, 0.0]))
    walls = np.array([vertices[piece.vertices].mean(axis=0) for piece in pieces.pieces])
    assert not seen[walls[:, 0] > 1.99].any() and seen[walls[:, 0] < -1.99].all()
    assert pieces.shown_from(np.zeros(3)).all()  # from within
    assert Pieces(shown(fine_room()), into=False).shown_from(np.array([20.0, 0, 0])).all()
