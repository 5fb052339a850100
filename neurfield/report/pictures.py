"""Sheets of pictures: a mesh from four sides, and pictures as text for a page."""

from __future__ import annotations

import base64
import io

import numpy as np
import trimesh
from PIL import Image

from neurfield.report.shade import MeshShader, vertex_colors_of
from neurfield.report.viewpoints import four_sides

_UP = np.array([0.0, 0.0, 1.0])


def contact_sheet(
    mesh: trimesh.Trimesh, kind: str = "outside", up: np.ndarray = _UP, width: int = 640, height: int = 440
) -> np.ndarray:
    """A mesh from four sides, two by two in colour, and in a row below as clay: uint8 [H, W, 3].

    A mesh without colours is drawn two by two as clay alone.

    Args:
        mesh: in any coordinates and unit.
        kind: "inside" looks into a room through the walls that turn away, "outside" at an object.
        up: unit [3].
        width: of one of the large pictures, pixels, even.
        height: of one of the large pictures, pixels, even.
    """
    shader = MeshShader(mesh)
    box = solid_box(np.asarray(mesh.vertices))
    views = four_sides(box, kind, up, width / height)
    drawn = [shader.draw(view, width, height, cull=kind == "inside") for view in views]
    if vertex_colors_of(mesh) is None:
        return _two_by_two([picture.clay for picture in drawn])
    row = [
        np.asarray(Image.fromarray(picture.clay).resize((width // 2, height // 2), Image.Resampling.BOX))
        for picture in drawn
    ]
    return np.concatenate(
        [_two_by_two([picture.color for picture in drawn]), np.concatenate(row, axis=1)], axis=0
    )


def _two_by_two(images: list[np.ndarray]) -> np.ndarray:
    return np.concatenate([np.concatenate(images[:2], axis=1), np.concatenate(images[2:], axis=1)], axis=0)


def solid_box(vertices: np.ndarray) -> np.ndarray:
    """The box [2,3] of nearly all vertices [v,3]: stray pieces far away shall not shrink the rest."""
    low, high = np.percentile(vertices, [0.2, 99.8], axis=0)
    return np.stack([low, high])


def jpeg_uri(image: np.ndarray, quality: int = 88) -> str:
    """uint8 [H,W,3] as a data: address that a page can hold."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=quality)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
