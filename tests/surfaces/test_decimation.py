"""Fewer triangles: what stays as it was, and what counts."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh
from PIL import Image
from trimesh.visual import ColorVisuals, TextureVisuals

from neurfield.errors import UserError
from neurfield.surfaces import decimate, thin_out
from neurfield.surfaces.holes import border_loops
from neurfield.surfaces.ply import stored_normals


def ball(subdivisions: int = 3) -> trimesh.Trimesh:
    mesh = trimesh.creation.icosphere(subdivisions=subdivisions)
    height = 127.5 * (1.0 + mesh.vertices[:, 2])
    mesh.visual.vertex_colors = np.stack([height, 255 - height, 0 * height, 0 * height + 255], 1).astype(
        np.uint8
    )
    return mesh


def test_fewer_triangles_keep_shape_and_colours() -> None:
    mesh = ball(4)
    mesh.apply_translation([552345.0, 5412345.0, 300.0])
    small = decimate(mesh, 1500)
    assert 1400 <= len(small.faces) <= 1500
    assert small.is_watertight and small.is_winding_consistent and small.euler_number == 2
    assert small.volume == pytest.approx(mesh.volume, rel=0.02)
    height = 127.5 * (1.0 + small.vertices[:, 2] - 300.0)
    assert np.abs(small.visual.vertex_colors[:, 0] - height).max() < 30
    assert decimate(mesh, 10**6) is mesh


def test_borders_stay_where_they_are() -> None:
    n = 40
    x, y = np.meshgrid(np.arange(n), np.arange(n), indexing="ij")
    vertices = np.stack([x, y, 0 * x], axis=-1).reshape(-1, 3).astype(float)
    a = (np.arange(n - 1)[:, None] * n + np.arange(n - 1)).reshape(-1)
    faces = np.concatenate([np.stack([a, a + n, a + n + 1], 1), np.stack([a, a + n + 1, a + 1], 1)])
    plate = trimesh.Trimesh(vertices, faces, process=False)
    plate.update_faces(np.linalg.norm(plate.triangles_center[:, :2] - 20.0, axis=1) > 9.0)
    small = decimate(plate, 100)
    assert small.area == pytest.approx(plate.area, rel=0.01)
    for corner in ((0, 0), (0, n - 1), (n - 1, 0), (n - 1, n - 1)):
        assert np.linalg.norm(small.vertices[:, :2] - corner, axis=1).min() < 0.01
    assert len(border_loops(np.asarray(small.faces), len(small.vertices))) == 2


def painted() -> trimesh.Trimesh:
    """A flat plate with a dark disc on it."""
    plate = trimesh.creation.box((2.0, 2.0, 0.1)).subdivide_to_size(0.06)
    dark = np.linalg.norm(plate.vertices[:, :2], axis=1) < 0.5
    plate.visual = ColorVisuals(
        plate, vertex_colors=np.where(dark[:, None], 20, 220) * np.ones((1, 3), np.uint8)
    )
    return plate


def blurred(mesh: trimesh.Trimesh) -> float:
    """The area of triangles that are neither dark nor light all over."""
    shades = mesh.visual.vertex_colors[mesh.faces, 0].astype(int)
    return float(mesh.area_faces[np.ptp(shades, axis=1) > 0].sum())


def test_as_few_triangles_as_surface_and_colours_allow() -> None:
    plate = painted()
    plain = trimesh.Trimesh(plate.vertices, plate.faces, process=False)
    few, colored = thin_out(plain, 0.001, 0.1), thin_out(plate, 0.001, 0.1)
    assert len(few.faces) < 60 and len(few.faces) < len(colored.faces) < len(plate.faces) / 2
    assert few.metadata["thinned"] <= 0.001 and few.volume == pytest.approx(plate.volume, rel=0.01)
    kept = {tuple(row) for row in np.column_stack([plate.vertices, plate.visual.vertex_colors])}
    assert {tuple(row) for row in np.column_stack([colored.vertices, colored.visual.vertex_colors])} <= kept
    assert blurred(colored) < 2.0 * blurred(plate)
    with pytest.raises(UserError, match="positive"):
        thin_out(plate, 0.0, 0.1)


def test_uv_normals_and_seams_stay() -> None:
    ball_ = trimesh.creation.icosphere(4)
    halves = [ball_.slice_plane([0, 0, 0], [0, 0, side], cap=False) for side in (1, -1)]
    mesh = trimesh.Trimesh(
        np.concatenate([half.vertices for half in halves]),
        np.concatenate([halves[0].faces, halves[1].faces + len(halves[0].vertices)]),
        process=False,
    )
    uv = 0.5 + 0.2 * mesh.vertices[:, :2] + np.where(mesh.vertices[:, 2:] > 0, 0.01, 0.0)
    mesh.visual = TextureVisuals(uv=uv, image=Image.new("RGB", (8, 8)))
    mesh.vertex_normals = mesh.vertices / np.linalg.norm(mesh.vertices, axis=1, keepdims=True)
    small = decimate(mesh, 800)
    assert len(small.faces) < len(mesh.faces) / 2
    kept = {tuple(row) for row in np.column_stack([mesh.vertices, uv])}
    assert {tuple(row) for row in np.column_stack([small.vertices, small.visual.uv])} <= kept
    np.testing.assert_allclose(
        stored_normals(small),
        small.vertices / np.linalg.norm(small.vertices, axis=1, keepdims=True),
        atol=1e-6,
    )
    assert np.count_nonzero(small.vertices[:, 2] == 0.0) == np.count_nonzero(mesh.vertices[:, 2] == 0.0)
    assert small.visual.material is mesh.visual.material
