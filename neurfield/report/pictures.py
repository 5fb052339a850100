"""A mesh from four sides, sheets of such pictures, and pictures as text for a page."""

from __future__ import annotations

import base64
import io
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from PIL import Image

from neurfield.report.shown_mesh import ShownMesh
from neurfield.report.studio import Portrait, Studio
from neurfield.report.viewpoints import Viewpoint, four_sides

LARGE, SMALL = (1408, 968), (704, 484)  # pixels of the clearest side, and of the others
ASPECT = LARGE[0] / LARGE[1]


@dataclass(frozen=True)
class FourSides:
    """A mesh from four sides.

    Attributes:
        views: where it is looked at from, a quarter turn apart.
        portraits: what is seen from each; the clearest is the largest.
        clearest: which of them is.
        colored: whether the mesh has colours.
    """

    views: list[Viewpoint]
    portraits: list[Portrait]
    clearest: int
    colored: bool


def drawn_sides(
    mesh: ShownMesh, kind: str, up: np.ndarray,
    large: tuple[int, int] = LARGE, small: tuple[int, int] = SMALL,
) -> FourSides:  # fmt: skip
    """Draw a mesh from four sides, the one with the fewest edges in the way larger than the others.

    Args:
        mesh: in any coordinates and unit.
        kind: "inside" looks into a room through the walls that turn away, "outside" at an object.
        up: unit [3].
        large, small: width and height in pixels, even, all of one aspect.
    """
    views = four_sides(solid_box(mesh.vertices), kind, up, large[0] / large[1])
    studio = Studio(mesh, up)
    # numpy and Embree let go of the interpreter within their loops, so sides are drawn side by side.
    with ThreadPoolExecutor(min(len(views), os.cpu_count() or 1)) as pool:
        looks = list(pool.map(lambda view: studio.look(view, kind == "inside"), views))
        clearest = int(np.argmin(list(pool.map(lambda look: look.clutter(), looks))))
        sizes = [large if k == clearest else small for k in range(len(views))]
        portraits = list(pool.map(lambda look, size: look.portrait(*size), looks, sizes))
    return FourSides(views, portraits, clearest, mesh.colors is not None)


def contact_sheet(sides: FourSides, width: int = 640, height: int = 440) -> np.ndarray:
    """A mesh from four sides on white, two by two in colour, and in a row below as clay: uint8 [H, W, 3].

    A mesh without colours is shown two by two as clay alone.

    Args:
        sides: what is shown.
        width, height: of one of the large pictures, pixels, even.
    """
    large = [_on_white(portrait.color, width, height) for portrait in sides.portraits]
    rows = [np.concatenate(large[:2], axis=1), np.concatenate(large[2:], axis=1)]
    if sides.colored:
        small = [_on_white(portrait.clay, width // 2, height // 2) for portrait in sides.portraits]
        rows.append(np.concatenate(small, axis=1))
    return np.concatenate(rows, axis=0)


def _on_white(drawn: np.ndarray, width: int, height: int) -> np.ndarray:
    picture = Image.fromarray(drawn).resize((width, height), Image.Resampling.LANCZOS)
    sheet = Image.new("RGBA", picture.size, "white")
    sheet.alpha_composite(picture)
    return np.asarray(sheet.convert("RGB"))


def solid_box(vertices: np.ndarray) -> np.ndarray:
    """The box [2,3] of nearly all vertices [v,3]: stray pieces far away shall not shrink the rest."""
    low, high = np.percentile(vertices, [0.2, 99.8], axis=0)
    return np.stack([low, high])


def webp_uri(image: np.ndarray, quality: int = 86) -> str:
    """uint8 [H,W,3] or, with how opaque it is, [H,W,4] as a data: address that a page can hold."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "WEBP", quality=quality, alpha_quality=90, method=4)
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
