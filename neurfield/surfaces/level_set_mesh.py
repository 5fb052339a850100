"""From a field to a mesh: the part of a method that extracts its surface."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
import torch

from neurfield.parts import Number
from neurfield.surfaces.level_set import extract_level_set

SHELL = 1.0  # voxels from the surface at which an unsigned distance has the level that is drawn


class LevelSet:
    """The zero level set of a distance field, by marching cubes where the surface is.

    An unsigned field has none: what is drawn of it is a closed shell around the surface, a voxel off on
    either side.

    Args:
        voxel: edge of the cubes in world lengths; 0: the box's longest side / 512.
        component: all pieces, the largest alone, or the object without the ground it stands on.
    """

    def __init__(
        self,
        *,
        voxel: Annotated[float, Number(least=0.0)] = 0.0,
        component: Literal["all", "largest", "object"] = "all",
    ) -> None:
        self.voxel, self.component = voxel, component

    def extract(
        self, field: Any, unit_box: np.ndarray, voxel: float, device: torch.device
    ) -> tuple[np.ndarray, np.ndarray]:
        """Vertices [V, 3], unit coordinates, and faces [F, 3] int64, their normals into free space.

        Args:
            field: with `sdf(points)`; its `sign` says whether that is "unsigned".
            unit_box: [2, 3] minimum and maximum, unit coordinates.
            voxel: edge of the cubes, unit lengths.
            device: where the field is asked.
        """
        level = SHELL * voxel if getattr(field, "sign", "signed") == "unsigned" else 0.0
        return extract_level_set(field.sdf, unit_box, voxel, level=level, device=device)
