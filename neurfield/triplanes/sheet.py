"""Shapes drawn side by side, each part in its colour."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from neurfield.report.pictures import solid_box
from neurfield.report.shown_mesh import ShownMesh
from neurfield.report.studio import Studio
from neurfield.report.viewpoints import four_sides

# Of parts in their order: told apart by people who confuse red and green, too (after Okabe and Ito 2008).
COLORS = np.array(
    [[74, 122, 181], [230, 159, 60], [92, 168, 140], [196, 104, 150], [150, 130, 190], [214, 190, 90]],
    np.uint8,
)
WRONG = np.array([205, 50, 45], np.uint8)


def portrait(vertices: np.ndarray, faces: np.ndarray, colors: np.ndarray, size: int = 200) -> np.ndarray:
    """A mesh in colours of its faces, on white: uint8 [size, size, 3].

    Args:
        vertices: [V, 3], z upwards.
        faces: [F, 3].
        colors: uint8 [F, 3].
        size: pixels of a side, even.
    """
    apart = ShownMesh(
        vertices[faces].reshape(-1, 3).astype(np.float64),
        np.arange(3 * len(faces)).reshape(-1, 3),
        np.repeat(colors, 3, axis=0),
    )
    up = np.array([0.0, 0.0, 1.0])
    view = four_sides(solid_box(vertices), "outside", up, 1.0)[1]
    drawn = Image.fromarray(Studio(apart, up).look(view, False).portrait(size, size).color)
    sheet = Image.new("RGBA", drawn.size, "white")
    sheet.alpha_composite(drawn)
    return np.asarray(sheet.convert("RGB"))


def sheet(rows: Sequence[tuple[str, Sequence[np.ndarray]]], size: int = 200) -> np.ndarray:
    """Pictures [size, size, 3] in rows, each row with its name above: uint8 [H, W, 3]."""
    head, count = 22, max(len(pictures) for _, pictures in rows)
    page = Image.new("RGB", (count * size, len(rows) * (size + head)), "white")
    pen = ImageDraw.Draw(page)
    for k, (name, pictures) in enumerate(rows):
        top = k * (size + head)
        pen.text((10, top + 5), name, fill=(60, 60, 60), font_size=14)
        for j, picture in enumerate(pictures):
            page.paste(Image.fromarray(picture), (j * size, top + head))
    return np.asarray(page)
