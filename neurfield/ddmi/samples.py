"""New shapes and pictures as files, and a sheet of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from neurfield.ddmi.make import contact_sheet, mesh_of, new_latents, picture_of, tile_of
from neurfield.ddmi.train import Model
from neurfield.files import atomic_write
from neurfield.surfaces import save_mesh

SHEET = "sheet.png"
_UP = np.array([0.0, 0.0, 1.0])


def write_new(
    model: Model, out: Path, count: int, seed: int, suffix: str = ".glb", cells: int = 64, pixels: int = 128
) -> tuple[list[Path], np.ndarray]:
    """Write new meshes shape_0001.glb or pictures picture_0001.png, and sheet.png of them all.

    Args:
        model: what was learnt.
        out: folder to write into.
        count: how many.
        seed: of their noise.
        suffix: of meshes: .glb or .ply.
        cells: along the box, of meshes.
        pixels: of a picture's side.

    Returns:
        The files, fewer than `count` where nothing is inside of some; and the sheet, uint8 [H, W, 3].
    """
    found: list[Path] = []
    shown: list[np.ndarray] = []
    for number, latent in enumerate(new_latents(model, count, seed), 1):
        if model.facts["domain"] == "pictures":
            path = out / f"picture_{number:04d}.png"
            shown.append(picture_of(model, latent, pixels))
            _save(shown[-1], path)
            found.append(path)
            continue
        mesh = mesh_of(model, latent, cells)
        shown.append(tile_of(mesh))
        if mesh is not None:
            found.append(save_mesh(mesh, out / f"shape_{number:04d}{suffix}", _UP))
    page = contact_sheet(shown)
    _save(page, out / SHEET)
    return found, page


def _save(pixels: np.ndarray, path: Path) -> None:
    with atomic_write(path) as temporary:
        Image.fromarray(pixels).save(temporary)
