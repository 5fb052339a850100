"""A texture is seen on meshes of few triangles."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import trimesh
from PIL import Image
from trimesh.visual.material import PBRMaterial, SimpleMaterial

from neurfield.viewer.content import content_of
from neurfield.viewer.layers import Triangles, triangles_of
from neurfield.viewer.texels import spread

SQUARES = 8


def board(material: type = PBRMaterial, size: int = 64) -> trimesh.Trimesh:
    """A square of two triangles with a chessboard on it, x along columns and y up."""
    rows, columns = np.mgrid[0:size, 0:size] * SQUARES // size
    picture = Image.fromarray(((rows + columns) % 2 * 255).astype(np.uint8)).convert("RGB")
    corners = np.array([[0.0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]])
    look = material(**{"baseColorTexture" if material is PBRMaterial else "image": picture})
    visual = trimesh.visual.TextureVisuals(uv=corners[:, :2], material=look)
    return trimesh.Trimesh(corners, [[0, 1, 2], [0, 2, 3]], visual=visual, process=False)


def share_that_is_right(shown: Triangles) -> float:
    """Of the vertices, how many have the colour of the square that they lie in."""
    x, y = shown.vertices[:, 0], 1.0 - shown.vertices[:, 1]
    square = np.clip(np.stack([x, y]) * SQUARES, 0, SQUARES - 1).astype(int).sum(axis=0)
    assert shown.colors is not None
    return float((shown.colors == 255 * (square % 2)[:, None]).all(axis=1).mean())


@pytest.mark.parametrize("material", [PBRMaterial, SimpleMaterial])
def test_the_picture_is_seen(material: type) -> None:
    mesh = board(material)
    shown = spread(triangles_of(mesh, np.zeros(3)), mesh)
    assert len(shown.faces) > 64 * 64
    assert share_that_is_right(shown) > 0.8  # but for those on the lines between squares
    assert shown.normals == pytest.approx(np.tile([0.0, 0, 1], (len(shown.vertices), 1)))


def test_the_surface_stays() -> None:
    mesh = board()
    shown = spread(triangles_of(mesh, np.zeros(3)), mesh)
    assert shown.mesh.area == pytest.approx(1.0)
    assert (shown.mesh.face_normals[:, 2] > 0.99).all()


def test_no_more_triangles_than_are_allowed() -> None:
    mesh = board()
    shown = spread(triangles_of(mesh, np.zeros(3)), mesh, most=500)
    assert 400 < len(shown.faces) <= 500


def test_what_is_fine_enough_or_has_no_texture_stays_as_it_is() -> None:
    ball = trimesh.creation.icosphere()
    triangles = triangles_of(ball, np.zeros(3))
    assert spread(triangles, ball) is triangles
    small = board(size=1)
    shown = spread(triangles_of(small, np.zeros(3)), small)
    assert len(shown.faces) == 2


@pytest.mark.parametrize("name", ["one.glb", "two.glb", "one.obj"])
def test_files_of_others(tmp_path: Path, name: str) -> None:
    """Of one mesh or of several, each with its own picture."""
    things: list[trimesh.Trimesh] = [board()]
    if name == "two.glb":
        things.append(board(size=32).apply_translation([0.0, 0.0, 1.0]))
    trimesh.Scene(things).export(tmp_path / name)
    surface = content_of(tmp_path / name).surface
    assert surface is not None and len(surface.faces) > 4000
    origin = surface.vertices.min(axis=0)
    flat = Triangles(surface.vertices - origin, surface.faces, surface.normals, surface.colors)
    assert share_that_is_right(flat) > 0.7
