"""What report.html shows of a run of a picture."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from neurfield.inputs.page import Page, Strips, Tile
from neurfield.parts import Config

_FILES = {"model": "the field as a file", "png": "as PNG", "jpeg": "as JPEG of equal quality"}


def image_page(folder: Path, facts: dict[str, Any], config: Config, metrics: dict[str, Any]) -> Page:
    """The pictures side by side; what is not there is left out."""
    width, height, channels, bits = facts["size"]
    size = f"{width} x {height} pixels, {channels} channels of {bits} bits"
    strips = {"the whole picture": "whole.png", "at full resolution, where it is farthest off": "worst.png"}
    paths = {said: folder / "previews" / name for said, name in strips.items()}
    compared = Strips(
        "True and fitted", [(said, path) for said, path in paths.items() if path.is_file()], quality=92
    )
    about = [f"preset {config.preset}", size]
    return Page(about, _tiles(metrics), notes=facts.get("notes", ()), sections=[compared])


def _tiles(metrics: dict[str, Any]) -> list[Tile]:
    image, files = (metrics.get(key, {}) for key in ("image", "files"))
    tiles: list[Tile] = []
    if math.isfinite(image.get("psnr", math.nan)):
        tiles.append(Tile(f"{image['psnr']:.2f} dB", "PSNR over all pixels", "psnr"))
    if "parameters" in image:
        said = f"parameters, {image['parameters_per_pixel']:.2f} a pixel"
        tiles.append(Tile(f"{image['parameters'] / 1e6:.2f} M", said, "parameters"))
    tiles += [Tile(f"{files[key] / 1e6:.2f} MB", what, key) for key, what in _FILES.items() if key in files]
    return tiles
