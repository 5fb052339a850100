"""What report.html shows of a run of a picture."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from neurfield.inputs.page import Page, Pictures
from neurfield.parts import Config

_FILES = {"model": "the field as a file", "png": "as PNG", "jpeg": "as JPEG of equal quality"}


def image_page(folder: Path, facts: dict[str, Any], config: Config, metrics: dict[str, Any]) -> Page:
    """The pictures side by side; what is not there is left out."""
    width, height, channels, bits = facts["size"]
    size = f"{width} x {height} pixels, {channels} channels of {bits} bits"
    path = folder / "side_by_side.png"
    side_by_side = Pictures(
        "True, fitted, and the error ten times",
        [(path, "true picture, fitted picture, error")] if path.is_file() else [],
        note="Below at full resolution, where the error is largest.",
        quality=92,
    )
    about = [f"preset {config.preset}", size, *facts.get("notes", ())]
    return Page(about, _tiles(metrics), [side_by_side])


def _tiles(metrics: dict[str, Any]) -> list[tuple[str, str]]:
    image, files = (metrics.get(key, {}) for key in ("image", "files"))
    tiles = []
    if math.isfinite(image.get("psnr", math.nan)):
        tiles.append((f"{image['psnr']:.2f} dB", "PSNR over all pixels"))
    if "parameters" in image:
        tiles.append(
            (f"{image['parameters'] / 1e6:.2f} M", f"parameters, {image['parameters_per_pixel']:.2f} a pixel")
        )
    tiles += [(f"{files[key] / 1e6:.2f} MB", what) for key, what in _FILES.items() if key in files]
    return tiles
