"""The mesh on the page: to be turned, and from four sides as clay."""

from __future__ import annotations

import json
from collections.abc import Callable
from html import escape
from pathlib import Path

import numpy as np
import torch
import trimesh
from PIL import Image
from scipy.spatial import cKDTree

from neurfield.errors import UserError
from neurfield.files import atomic_write
from neurfield.inputs.page import MeshSides
from neurfield.ops import TriangleTree
from neurfield.report.mesh_file import read_mesh
from neurfield.report.packed_mesh import packed
from neurfield.report.page import asset, section, switch
from neurfield.report.pictures import ASPECT, FourSides, contact_sheet, drawn_sides, webp_uri
from neurfield.report.shown_mesh import ShownMesh, shown_mesh
from neurfield.surface_file import Surface
from neurfield.wording import length

MOST_FACES = 300_000  # some two megabytes of the page, and what a phone turns without effort
_UP = np.array([0.0, 0.0, 1.0])
_HOW = (
    "Drag to turn, drag with the right button or two fingers to move; pinch, or the wheel after a click, to "
    "zoom. Keys: arrows turn (with Shift: move), + and \N{MINUS SIGN} zoom, 0 goes back."
)


def mesh_sections(
    part: MeshSides, folder: Path, mesh: trimesh.Trimesh | None, up: np.ndarray | None
) -> tuple[str, str]:
    """The viewer, and the mesh as clay; nothing where there is no mesh. Writes previews/mesh.jpg.

    Args:
        part: says where the mesh is, and how it is looked at.
        folder: of the run.
        mesh: what the file holds, to save reading it.
        up: unit [3] in the world, Z if not given.
    """
    if mesh is None:
        if not part.path.is_file():
            return "", ""
        mesh = read_mesh(part.path)
    up = _UP if up is None else np.asarray(up, np.float64)
    shown = shown_mesh(mesh, MOST_FACES)
    sides = drawn_sides(shown, part.looks, up)
    with atomic_write(folder / "previews" / "mesh.jpg") as temporary:
        Image.fromarray(contact_sheet(sides)).save(temporary, quality=92)
    distance = None if part.truth is None else distance_to_truth(shown, part.truth)
    return _viewer(part, len(mesh.faces), shown, sides, distance, up), _clay(part, sides)


def distance_to_truth(mesh: ShownMesh, truth: Callable[[], Surface | None]) -> np.ndarray | None:
    """How far [v] each vertex is from the true surface; None where there is none, or not any more."""
    try:
        true = truth()
    except (UserError, OSError):
        return None
    if true is None:
        return None
    middle = mesh.vertices.mean(axis=0)
    if isinstance(true, trimesh.Trimesh):
        tree = TriangleTree(torch.from_numpy(np.asarray(true.triangles) - middle).float())
        return tree.nearest(torch.from_numpy(mesh.vertices - middle).float()).distance.double().numpy()
    return np.asarray(cKDTree(np.asarray(true.vertices) - middle).query(mesh.vertices - middle)[0])


def round_up(value: float) -> float:
    """The next of 1, 2, 5, 10, ... at or above a positive value."""
    size = 10.0 ** np.floor(np.log10(value))
    return float(next(n * size for n in (1, 2, 5, 10) if n * size >= value * (1 - 1e-9)))


def _viewer(
    part: MeshSides, faces: int, shown: ShownMesh, sides: FourSides,
    distance: np.ndarray | None, up: np.ndarray,
) -> str:  # fmt: skip
    top = 0.0 if distance is None else round_up(max(4.0 * float(np.median(distance)), 1e-9))
    header, text = packed(shown, None if distance is None else distance / top)
    view = sides.views[sides.clearest]
    box = np.stack([shown.vertices.min(axis=0), shown.vertices.max(axis=0)])
    forward = view.world_from_cam[:3, 2]
    # It turns about the point of its line of sight that is nearest to the middle.
    target = view.eye + forward * float((box.mean(axis=0) - view.eye) @ forward)
    header |= {
        "eye": view.eye.tolist(), "target": target.tolist(), "up": up.tolist(), "fov": view.fov,
        "aspect": ASPECT * _filled(sides.portraits[sides.clearest].clay),
        "reach": float(np.linalg.norm(box[1] - box[0])),
    }  # fmt: skip
    inside = part.looks == "inside"
    choices = [("clay", "Clay", ""), ("normals", "Normals", "")]
    if shown.colors is not None:
        choices.insert(0, ("colors", "Colours", ""))
    if distance is not None:
        choices.append(("distance", "Error", ""))
    scale = "" if distance is None else (
        '<span class="scale">off the true surface by 0 <i class="far-off"></i> '
        f"{escape(length(top, part.unit))} or more</span>"
    )  # fmt: skip
    few = "" if len(shown.faces) >= faces else f"{len(shown.faces):,} of "
    said = f"{few}{faces:,} triangles. {_HOW}"
    picture = webp_uri(sides.portraits[sides.clearest].color)
    return (
        f'<figure id="viewer"><div class="stage"><img alt="the mesh" src="{picture}">'
        '<canvas tabindex="0" role="img" aria-label="the mesh, turned by arrow keys"></canvas>'
        f'</div><div class="bar">{switch("shown", choices)}'
        f'<label class="check"><input type="checkbox" name="opened"{" checked" if inside else ""}>'
        f"{'Doll’s house' if inside else 'Hide backs'}</label>"
        '<button type="button" name="home">Reset</button>'
        '<button type="button" name="full">Full screen</button>'
        f"{scale}</div><figcaption>{escape(said)}</figcaption></figure>"
        f'<script type="application/json" id="mesh-header">{json.dumps(header)}</script>'
        f'<script type="application/octet-stream" id="mesh-bytes">{text}</script>'
        f"<script>\n{asset('viewer.js')}</script>"
    )


def _filled(drawn: np.ndarray) -> float:
    """The share of a picture's width, about its middle, that has something in it."""
    across = np.abs(np.linspace(-1.0, 1.0, drawn.shape[1]))[drawn[..., 3].any(axis=0)]
    return min(1.0, 1.04 * float(across.max(initial=0.5)))


def _clay(part: MeshSides, sides: FourSides) -> str:
    inside = part.looks == "inside"
    looked = "looked into through the walls that turn away" if inside else "looked at from outside"
    order = [sides.clearest, *(k for k in range(len(sides.portraits)) if k != sides.clearest)]
    figures = [
        f'<figure><img alt="the mesh as clay, side {k + 1}" '
        f'src="{webp_uri(sides.portraits[k].clay)}"></figure>'
        for k in order
    ]
    return section(
        "In clay, from four sides",
        f'<div class="sides">{"".join(figures)}</div>'
        f'<p class="note">The mesh without its colours, {looked}: what pictures hide, shadows show.</p>',
    )
