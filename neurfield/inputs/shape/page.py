"""What report.html shows of a run of a shape."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from neurfield.inputs.page import MeshSides, Page, Tile
from neurfield.parts import Config
from neurfield.surface_file import read_surface


def shape_page(folder: Path, facts: dict[str, Any], config: Config, metrics: dict[str, Any]) -> Page:
    """The mesh from four sides; what is not there is left out."""
    return Page(
        about=[f"preset {config.preset}", facts["words"]],
        tiles=_tiles(metrics),
        notes=facts.get("notes", ()),
        sections=[
            MeshSides(
                folder / "mesh.ply", "outside", lambda: read_surface(facts["shape"]), facts.get("unit", "")
            )
        ],
    )


def _tiles(metrics: dict[str, Any]) -> list[Tile]:
    geometry = metrics.get("geometry", {})
    tiles: list[Tile] = []
    if "chamfer_percent" in geometry:
        said = "Chamfer-L1, of the shape's diagonal"
        tiles.append(Tile(f"{geometry['chamfer_percent']:.3g} %", said, "chamfer_percent"))
    tiles += [
        Tile(f"{value:.3f}", f"F-score at {key.partition('@')[2].removesuffix('%')} % of the diagonal", key)
        for key, value in geometry.items()
        if key.startswith("f_score@")
    ]
    if "normal_consistency" in geometry:
        tiles.append(
            Tile(f"{geometry['normal_consistency']:.3f}", "normal consistency", "normal_consistency")
        )
    if "iou" in geometry:
        tiles.append(Tile(f"{geometry['iou']:.4f}", "IoU of what is inside", "iou"))
    return tiles
