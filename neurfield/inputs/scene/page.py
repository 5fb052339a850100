"""What report.html shows of a run of a scene."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from neurfield.inputs.page import MeshSides, Page, Pictures, Strips, Tile
from neurfield.inputs.scene.transients_sheet import NAME
from neurfield.parts import Config
from neurfield.scenes import load_scene
from neurfield.surface_file import Surface
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
        sections=[
            MeshSides(folder / "mesh.ply", looks, _truth(facts, metrics), facts.get("unit", "m")),
            _frames(folder, metrics),
            *_transients(folder),
        ],
    )


def _truth(facts: dict[str, Any], metrics: dict[str, Any]) -> Callable[[], Surface | None] | None:
    """What gives the scene's true surface, where the mesh was measured."""
    if "geometry" not in metrics:
        return None
    return lambda: load_scene(facts["scene"]).ground_truth


def _tiles(metrics: dict[str, Any]) -> list[Tile]:
    unit = metrics.get("unit", "m")
    geometry, images = (metrics.get(key, {}) for key in ("geometry", "images"))
    tiles = [
        Tile(f"{value:.3f}", f"F-score at {length(float(key.split('@')[1]), unit)}", key)
        for key, value in geometry.items()
        if key.startswith("f_score@")
    ]
    if "normal_consistency" in geometry:
        tiles.append(
            Tile(f"{geometry['normal_consistency']:.3f}", "normal consistency", "normal_consistency")
        )
    if "chamfer_l1" in geometry:
        tiles.append(Tile(length(geometry["chamfer_l1"], unit), "Chamfer-L1", "chamfer_l1"))
    if "dtu" in metrics:
        said = "overall by DTU's protocol, without ICP"
        tiles.append(Tile(f"{metrics['dtu']['overall_mm']:.3f} mm", said, "overall_mm"))
    tanks = metrics.get("tanks_and_temples_with_icp", {})
    tiles += [
        Tile(f"{value:.3f}", f"F-score at {length(tanks['tau'])} by Tanks and Temples, after its ICP", key)
        for key, value in tanks.items()
        if key.startswith("f_score@")
    ]
    if "replica" in metrics:
        by = "F-score at 5 cm by MonoSDF's protocol for Replica"
        tiles.append(Tile(f"{metrics['replica']['f_score_percent']:.1f} %", by, "f_score_percent"))
    if "scannet" in metrics:
        by = "F-score at 5 cm by MonoSDF's protocol for ScanNet"
        tiles.append(Tile(f"{metrics['scannet']['f_score@0.05']:.3f}", by, "f_score@0.05"))
    if math.isfinite(images.get("psnr", math.nan)):
        inside = ", inside the masks" if images.get("pixels", "all") != "all" else ""
        said = f"PSNR, {images.get('frames', '')} frames{inside}"
        tiles.append(Tile(f"{images['psnr']:.1f} dB", said, "psnr"))
    return tiles


def _transients(folder: Path) -> list[Pictures]:
    """Pictures beside what was left out of them, where a fit left any out."""
    sheet = folder / "previews" / NAME
    if not sheet.is_file():
        return []
    said = "the pictures with the most that only they show; what was left out of the fit is red"
    return [Pictures("Passers-by", [(sheet, said)])]


def _frames(folder: Path, metrics: dict[str, Any]) -> Strips:
    """Pictures as the fit's end leaves them in previews/, beside the true ones."""
    strips = sorted((folder / "previews").glob("frame-*.png"))
    some = np.unique(np.linspace(0, len(strips) - 1, _MOST_FRAMES).astype(int)) if strips else ()
    which = metrics.get("images", {}).get("frames", "")
    return Strips(
        "Rendered against true pictures" + (f" ({which} frames)" if which else ""),
        [(f"frame {int(strips[k].stem.rpartition('-')[2])}", strips[k]) for k in some],
    )
