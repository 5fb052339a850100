"""Meshes of one shape side by side, from the same viewpoint, with their names below."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import trimesh
from PIL import Image, ImageDraw, ImageFont

from benchmarks.mesh_shader import MeshShader
from neurfield.files import atomic_write
from neurfield.report.pictures import solid_box
from neurfield.report.viewpoints import four_sides

_LETTERS = 15  # pixels


def save_sheet(
    path: Path,
    meshes: Mapping[str, trimesh.Trimesh | None],
    up: np.ndarray,
    size: tuple[int, int] = (400, 400),
) -> Path:
    """A panel a mesh, as clay; a JPEG.

    Args:
        path: the file.
        meshes: by their names; the first says from where all are looked at, and for None a panel stays empty.
        up: unit [3].
        size: of a panel, width and height in pixels, the name's line beside.
    """
    width, height = size
    view = four_sides(
        solid_box(np.asarray(next(iter(meshes.values())).vertices)), "outside", up, width / height
    )[0]
    below = _LETTERS + 11
    sheet = Image.new("RGB", (width * len(meshes), height + below), (255, 255, 255))
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=_LETTERS)
    for column, (name, mesh) in enumerate(meshes.items()):
        if mesh is not None and len(mesh.faces):
            clay = MeshShader(mesh).draw(view, width, height).clay
            sheet.paste(Image.fromarray(clay), (column * width, 0))
        middle = column * width + width / 2
        pen.text((middle, height + below / 2), name, fill=(60, 60, 60), font=font, anchor="mm")
    with atomic_write(path) as temporary:
        sheet.save(temporary, format="jpeg", quality=88, optimize=True)
    return path
