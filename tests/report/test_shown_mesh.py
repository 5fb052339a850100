"""Few triangles keep shape and colours, and come back from their bytes."""

from __future__ import annotations

import base64
import zlib

import numpy as np
import pytest
import trimesh

from neurfield.report.packed_mesh import packed
from neurfield.report.shown_mesh import ShownMesh, shown_mesh
from tests.report.conftest import coloured_ball


def painted_floor(cells: int = 60) -> trimesh.Trimesh:
    """A flat square [0, 1]^2 with a black disc on white."""
    x, y = np.meshgrid(np.linspace(0, 1, cells), np.linspace(0, 1, cells), indexing="ij")
    vertices = np.stack([x.ravel(), y.ravel(), np.zeros(cells**2)], axis=1)
    at = np.arange(cells**2).reshape(cells, cells)
    a, b, c, d = at[:-1, :-1].ravel(), at[1:, :-1].ravel(), at[1:, 1:].ravel(), at[:-1, 1:].ravel()
    faces = np.concatenate([np.stack([a, b, c], axis=1), np.stack([a, c, d], axis=1)])
    black = np.hypot(vertices[:, 0] - 0.5, vertices[:, 1] - 0.5) < 0.3
    colors = np.where(black[:, None], 0, 255) * np.ones((1, 4))
    colors[:, 3] = 255
    return trimesh.Trimesh(vertices, faces, vertex_colors=colors.astype(np.uint8), process=False)


def test_what_is_small_is_left_as_it_is() -> None:
    ball = coloured_ball()
    shown = shown_mesh(ball, 10**6)
    assert len(shown.faces) == len(ball.faces) and shown.colors is not None
    assert shown_mesh(trimesh.creation.box(), 100).colors is None


def test_colours_of_a_flat_floor_outlive_its_triangles() -> None:
    floor = painted_floor()
    shown = shown_mesh(floor, len(floor.faces) // 5)
    assert 100 < len(shown.faces) <= 1.1 * len(floor.faces) // 5
    assert np.abs(shown.vertices[:, 2]).max() == 0.0
    corners = shown.vertices[shown.faces]
    flat = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])[:, 2]
    assert -flat[flat < 0].sum() < 1e-3 and flat.sum() / 2 == pytest.approx(1.0, abs=0.02)
    # Of random points of the floor nearly all have the colour that they had.
    assert shown.colors is not None
    random = np.random.default_rng(0)
    face = random.choice(len(flat), 4000, p=flat.clip(0) / flat.clip(0).sum())
    weights = random.dirichlet(np.ones(3), 4000)
    places = np.einsum("kc,kci->ki", weights, corners[face])
    seen = np.einsum("kc,kc->k", weights, shown.colors[shown.faces[face], 0])
    black = np.hypot(places[:, 0] - 0.5, places[:, 1] - 0.5) < 0.3
    assert (np.abs(seen - np.where(black, 0, 255)) < 128).mean() > 0.97


def unpacked(header: dict[str, object], text: str) -> tuple[np.ndarray, ...]:
    """Corners in the world [f, 3, 3], their colours and distances, read as viewer.js does."""
    content = np.frombuffer(zlib.decompress(base64.b64decode(text)), np.uint8).astype(np.int64)
    faces, vertices, at = int(str(header["faces"])), int(str(header["vertices"])), 0

    def planes(count: int, length: int) -> np.ndarray:
        nonlocal at
        values = sum(content[at + k * length : at + (k + 1) * length] << (8 * k) for k in range(count))
        at += count * length
        return np.asarray(values)

    corners, unused = [], 0
    for behind in planes(3, 3 * faces):
        corners.append(unused - behind)
        unused += behind == 0
    steps = [planes(3, vertices) for _ in range(3)]
    grid = np.stack([np.cumsum((s >> 1) ^ -(s & 1)) for s in steps], axis=1)
    colors = np.stack([np.cumsum(planes(1, vertices)) & 255 for _ in range(3)], axis=1)
    distance = planes(1, vertices)
    assert at == len(content)
    shape = np.reshape(corners, (-1, 3))
    world = np.asarray(header["low"]) + float(str(header["unit"])) * grid
    return world[shape], colors[shape], distance[shape]


def test_bytes_hold_the_mesh() -> None:
    ball = coloured_ball()
    far = ShownMesh(np.asarray(ball.vertices) + 4e5, np.asarray(ball.faces), ball.visual.vertex_colors[:, :3])
    share = np.linspace(0, 1.2, len(far.vertices))
    corners, colors, distance = unpacked(*packed(far, share))
    assert corners.shape == (len(far.faces), 3, 3)

    def sorted_faces(places: np.ndarray, *more: np.ndarray) -> np.ndarray:
        rows = np.concatenate([places.reshape(-1, 9), *(m.reshape(len(places), -1) for m in more)], axis=1)
        return rows[np.lexsort(np.round(places.mean(axis=1), 3).T)]

    assert far.colors is not None
    expected = sorted_faces(
        far.vertices[far.faces], far.colors[far.faces], np.rint(255 * share.clip(0, 1))[far.faces]
    )
    assert np.abs(sorted_faces(corners, colors, distance) - expected).max() < 1e-4


def ball_in_glass() -> trimesh.Trimesh:
    """A red and blue unit ball in green glass of twice its size, glass first."""
    around, within = trimesh.creation.icosphere(3, 2.0), coloured_ball()
    around.visual.vertex_colors = np.tile(np.uint8([0, 200, 0, 60]), (len(around.vertices), 1))
    return trimesh.util.concatenate([around, within])


def test_glass_comes_last() -> None:
    mesh = ball_in_glass()
    shown = shown_mesh(mesh, 10**6)
    assert len(shown.faces) == len(mesh.faces) and shown.glass == len(coloured_ball().faces)
    header, text = packed(shown, np.zeros(len(shown.vertices)))
    corners, colors, _ = unpacked(header, text)
    far = np.linalg.norm(corners, axis=2)
    whole = len(shown.faces) - int(header["glass"])
    assert far[:whole].max() < 1.01 and far[whole:].min() > 1.9
    assert (colors[whole:] == [0, 200, 0]).all() and not (colors[:whole] == [0, 200, 0]).all(axis=2).any()
    few = shown_mesh(mesh, 900)
    assert len(few.faces) <= 1000 and 0.3 < few.glass / len(few.faces) < 0.7
    alone = shown_mesh(mesh.submesh([np.arange(shown.glass)], append=True), 10**6)
    assert alone.glass == len(alone.faces) == shown.glass
