"""Which meshes are rooms, and stand-ins for those that are too large."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import trimesh

from neurfield.scenes.builtin import builtin_folder
from neurfield.viewer.layers import Triangles, triangles_of
from neurfield.viewer.shell import fewer, is_room


def shown(mesh: trimesh.Trimesh) -> Triangles:
    return triangles_of(mesh, np.zeros(3))


def room(open_sides: int = 0) -> trimesh.Trimesh:
    """A box seen from within, with a table in its middle, and some of its sides open."""
    shell = trimesh.creation.box((5.0, 4.0, 2.5))
    shell.invert()
    shell.update_faces(np.arange(len(shell.faces)) >= 2 * open_sides)
    table = trimesh.creation.box((1.2, 0.8, 0.7)).apply_translation([0.3, 0.2, -0.9])
    return trimesh.util.concatenate([shell, table])


def test_a_room_is_looked_into() -> None:
    assert is_room(shown(room())) and is_room(shown(room(open_sides=1)))


def test_things_are_seen_from_outside() -> None:
    """A bowl, too: its wall has two sides, so it shows fronts from all around."""
    ball = trimesh.creation.icosphere(subdivisions=3)
    assert not is_room(shown(ball))
    bowl = ball.slice_plane([0, 0, 0.5], [0, 0, -1])
    inner = bowl.copy().apply_scale(0.9)
    inner.invert()
    assert not is_room(shown(trimesh.util.concatenate([bowl, inner])))


def test_an_open_scan_is_seen_from_outside() -> None:
    """As many backs as fronts are seen of it."""
    x, y = np.meshgrid(np.linspace(-1, 1, 30), np.linspace(-1, 1, 30))
    heights = 0.3 * np.sin(3 * x) * np.cos(2 * y)
    sheet = trimesh.Trimesh(np.stack([x, y, heights], axis=-1).reshape(-1, 3), _grid_faces(30))
    assert not is_room(shown(sheet))
    assert not is_room(shown(trimesh.creation.icosphere(subdivisions=3).slice_plane([0, 0, 0], [0, 0, 1])))


def test_the_built_in_room_is_one() -> None:
    path = builtin_folder("room0") / "mesh.ply"
    if not path.is_file():
        pytest.skip("room0 was not made here: neurfield scene make room0")
    assert is_room(shown(trimesh.load(path, process=False, force="mesh")))


def test_nothing_is_no_room() -> None:
    empty = Triangles(np.zeros((1, 3), np.float32), np.zeros((0, 3), np.int32), np.zeros((1, 3), np.float32))
    assert not is_room(empty)
    point = Triangles(np.zeros((3, 3), np.float32), np.array([[0, 1, 2]], np.int32), np.zeros((3, 3)))
    assert not is_room(point)


@pytest.mark.parametrize("most", [500, 5000])
def test_a_stand_in_keeps_the_shape_the_colours_and_the_sides(most: int) -> None:
    ball = trimesh.creation.icosphere(subdivisions=5)
    ball.visual.vertex_colors = ((ball.vertices + 1.0) * 127.5).astype(np.uint8)
    small = fewer(shown(ball), most)
    assert most / 4 < len(small.faces) <= most
    assert np.linalg.norm(small.vertices, axis=1) == pytest.approx(1.0, abs=0.05)
    assert small.colors is not None
    assert np.abs(small.colors - (small.vertices + 1.0) * 127.5).max() < 12
    assert np.einsum("ki,ki->k", small.normals, small.vertices).min() > 0.9
    mesh = small.mesh
    assert np.einsum("fi,fi->f", mesh.face_normals, mesh.triangles_center).min() > 0.0  # none is turned over


def test_few_faces_stay_as_they_are() -> None:
    ball = shown(trimesh.creation.icosphere())
    assert fewer(ball, 10_000) is ball


def _grid_faces(n: int) -> np.ndarray:
    corner = (np.arange(n - 1)[:, None] * n + np.arange(n - 1)).ravel()
    return np.concatenate(
        [
            np.stack([corner, corner + 1, corner + n], axis=1),
            np.stack([corner + 1, corner + n + 1, corner + n], axis=1),
        ]
    )


def test_a_file_with_a_corner_that_is_nowhere_is_shown_without_it(tmp_path: Path) -> None:
    ball = trimesh.creation.icosphere(subdivisions=2)
    vertices = np.array(ball.vertices)
    vertices[7] = np.nan
    left = shown(trimesh.Trimesh(vertices, ball.faces, process=False))
    assert 0 < len(left.faces) < len(ball.faces)
    assert np.isfinite(left.vertices).all() and np.isfinite(left.normals).all()
