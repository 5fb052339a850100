"""Drawn meshes: where they are, their colours, what is left out."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
import pytest
import trimesh
from PIL import Image

from neurfield.errors import UserError
from neurfield.report.mesh_file import read_mesh
from neurfield.report.pictures import contact_sheet, drawn_sides, solid_box, webp_uri
from neurfield.report.shown_mesh import shown_mesh
from tests.report.conftest import coloured_ball

UP = np.array([0.0, 0.0, 1.0])


def test_sheet_with_and_without_colours() -> None:
    for mesh, height in ((coloured_ball(), 2 * 60 + 30), (trimesh.creation.icosphere(), 120)):
        sides = drawn_sides(shown_mesh(mesh, 10**6), "outside", UP, (80, 60), (40, 30))
        sheet = contact_sheet(sides, 80, 60)
        assert sheet.shape == (height, 160, 3) and (sheet[0, 0] == 255).all()


def test_far_stray_pieces_do_not_shrink_the_rest() -> None:
    points = np.random.default_rng(0).uniform(-1, 1, (10_000, 3))
    points[0] = 1e4
    assert np.abs(solid_box(points)).max() <= 1.0


def test_pictures_in_text_keep_how_opaque_they_are() -> None:
    image = np.full((8, 12, 4), 200, np.uint8)
    image[:, :6, 3] = 0
    kind, _, data = webp_uri(image).partition(",")
    assert kind == "data:image/webp;base64"
    back = np.asarray(Image.open(io.BytesIO(base64.b64decode(data))))
    assert back.shape == image.shape and (back[:, :5, 3] == 0).all() and (back[:, 7:, 3] > 150).all()
    assert np.abs(back[:, 7:, :3].astype(int) - 200).max() < 6


def test_mesh_files_that_are_none(tmp_path: Path) -> None:
    points = tmp_path / "points.ply"
    trimesh.PointCloud(np.zeros((3, 3))).export(points)
    broken = tmp_path / "broken.ply"
    broken.write_bytes(b"ply\nformat nonsense")
    for path, says in (
        (points, "no triangles"),
        (broken, "not a readable mesh"),
        (tmp_path / "no.ply", "no such mesh"),
    ):
        with pytest.raises(UserError, match=says):
            read_mesh(path)
