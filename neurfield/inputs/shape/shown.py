"""What is shown around the mesh of a run of a shape; it loads no torch before the shape is read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import trimesh

from neurfield.inputs.shown import Shown
from neurfield.surface_file import Surface


def shown(folder: Path, facts: dict[str, Any], moved_to: str | Path | None = None) -> Shown:
    """The box, and the shape itself; arguments as of `Input.shown`."""
    box = np.asarray(facts["box"], float).reshape(2, 3)
    unit = str(facts.get("unit", ""))
    return Shown(box, "outside", truth=lambda: _read_again(folder, facts, moved_to), unit=unit)


def _read_again(folder: Path, facts: dict[str, Any], moved_to: str | Path | None) -> Surface:
    """The shape of a run, as triangles or points with their colours."""
    from neurfield.inputs.shape.opened import again_of

    shape = again_of(folder, facts, moved_to)[0].shape
    if not shape.is_mesh:
        return trimesh.PointCloud(shape.vertices, colors=shape.colors)
    return trimesh.Trimesh(shape.vertices, shape.faces, vertex_colors=shape.colors, process=False)
