"""What report.html shows of a run of a scene."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from neurfield.inputs.page import MeshSides, Page, Pictures
from neurfield.inputs.scene.transients_sheet import NAME
from neurfield.parts import Config
from neurfield.wording import length

_MOST_FRAMES = 6


def scene_page(folder: Path, facts: dict[str, Any], config: Config, metrics: dict[str, Any]) -> Page:
    """The mesh from four sides, frames beside the true ones; what is not there is left out."""
    size = np.ptp(np.asarray(facts["box"], float), axis=0)
    box = " x ".join(length(side, facts.get("unit", "m")) for side in size)
    looks = facts["cameras_look"]
    return Page(
        about=[f"preset {config.preset}", f"box {box}", f"cameras {looks}"],
        tiles=_tiles(metrics),
        sections=[MeshSides(folder / "mesh.ply", looks), _frames(folder, metrics), *_transients(folder)],
    )


def _tiles(metrics: dict[str, Any]) -> list[tuple[str, str]]:
    unit = metrics.get("unit", "m")
    geometry, images = (metrics.get(key, {}) for key in ("geometry", "images"))
    tiles = [
        (f"{value:.3f}", f"F-score at {length(float(key.split('@')[1]), unit)}")
        for key, value in geometry.items()
        if key.startswith("f_score@")
    ]
    if "normal_consistency" in geometry:
        tiles.append((f"{geometry['normal_consistency']:.3f}", "normal consistency"))
    if "chamfer_l1" in geometry:
        tiles.append((length(geometry["chamfer_l1"], unit), "Chamfer-L1"))
    if "dtu" in metrics:
        tiles.append((f"{metrics['dtu']['overall_mm']:.3f} mm", "overall by DTU's protocol, without ICP"))
    tanks = metrics.get("tanks_and_temples_with_icp", {})
    tiles += [
        (f"{value:.3f}", f"F-score at {length(tanks['tau'])} by Tanks and Temples, after its ICP")
        for key, value in tanks.items()
        if key.startswith("f_score@")
    ]
    if "replica" in metrics:
        by = "F-score at 5 cm by MonoSDF's protocol for Replica"
        tiles.append((f"{metrics['replica']['f_score_percent']:.1f} %", by))
    if "scannet" in metrics:
        by = "F-score at 5 cm by MonoSDF's protocol for ScanNet"
        tiles.append((f"{metrics['scannet']['f_score@0.05']:.3f}", by))
    if math.isfinite(images.get("psnr", math.nan)):
        inside = ", inside the masks" if images.get("pixels", "all") != "all" else ""
        tiles.append((f"{images['psnr']:.1f} dB", f"PSNR, {images.get('frames', '')} frames{inside}"))
    return tiles


def _transients(folder: Path) -> list[Pictures]:
    """Pictures beside what was left out of them, where a fit left any out."""
    sheet = folder / "previews" / NAME
    if not sheet.is_file():
        return []
    said = "the pictures with the most that only they show; what was left out of the fit is red"
    return [Pictures("Passers-by", [(sheet, said)])]


def _frames(folder: Path, metrics: dict[str, Any]) -> Pictures:
    """Strips of true picture, rendered picture and normals, as the fit's end leaves them in previews/."""
    strips = sorted((folder / "previews").glob("frame-*.png"))
    some = np.unique(np.linspace(0, len(strips) - 1, _MOST_FRAMES).astype(int)) if strips else ()
    which = metrics.get("images", {}).get("frames", "")
    return Pictures(
        "Rendered against true pictures" + (f" ({which} frames)" if which else ""),
        [(strips[k], f"{strips[k].stem}: true, rendered, normals") for k in some],
        heads=("true picture", "rendered", "normals"),
    )
