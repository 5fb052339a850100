"""From a field to a mesh: the part of a method that extracts its surface."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
import torch

from neurfield.parts import Number
from neurfield.surfaces.after_welding import OFF
from neurfield.surfaces.extractors import extract_surface, query_of
from neurfield.surfaces.lattice_field import Tell
from neurfield.surfaces.snapping import snap_to_level

Extractor = Literal["auto", "marching-cubes", "dual-contouring", "dual-mesh", "mesh-udf"]


class LevelSet:
    """The zero level set of a distance field, found where the surface is.

    Args:
        voxel: edge of the cells in world lengths; 0: the box's longest side over `cells`.
        cells: along the box's longest side, where no voxel is given.
        component: all pieces, the largest alone, or the object without the ground it stands on.
        extractor: by which algorithm; auto: marching cubes, of fields without a sign by their noise.
        off: cells, root mean square, that a mesh of as few triangles as are needed may be off.
    """

    def __init__(
        self,
        *,
        voxel: Annotated[float, Number(least=0.0)] = 0.0,
        cells: Annotated[int, Number(least=1)] = 512,
        component: Literal["all", "largest", "object"] = "all",
        extractor: Extractor = "auto",
        off: Annotated[float, Number(above=0.0)] = OFF,
    ) -> None:
        self.voxel, self.cells, self.component, self.extractor = voxel, cells, component, extractor
        self.off = off
        # Of the last extraction: by what, and why, where that is not plain; and what it took.
        self.told = ""
        self.figures: dict[str, float] = {}

    def extract(
        self,
        field: Any,
        unit_box: np.ndarray,
        voxel: float,
        device: torch.device,
        memory: float | None = None,
        tell: Tell | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Vertices [V, 3], unit coordinates, and faces [F, 3] int64, their normals into free space.

        Args:
            field: as for `extract_surface`.
            unit_box: [2, 3] minimum and maximum, unit coordinates.
            voxel: edge of the cells, unit lengths.
            device: where the field is asked.
            memory: bytes that the process may have at most; None: as much as it takes.
            tell: is told what goes on, and which fraction of it is done.
        """
        made = extract_surface(field, unit_box, voxel, self.extractor, device, memory, tell)
        by_cubes = made.extractor == "marching-cubes"
        plain = by_cubes and not made.why
        self.told = "" if plain else f"{made.extractor}: {made.why}".rstrip(": ")
        self.figures = dict(made.figures)
        if not by_cubes:
            return made.vertices, made.faces
        query = query_of(field)
        return snap_to_level(made.vertices, unit_box, voxel, field.sdf, query, device=device), made.faces
