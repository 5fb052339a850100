"""From a field to a mesh: the part of a method that extracts its surface."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
import torch

from neurfield.parts import Number
from neurfield.surfaces.level_set import extract_level_set


class LevelSet:
    """The zero level set of a distance field, by marching cubes where the surface is.

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
            field: with `sdf(points)`.
            unit_box: [2, 3] minimum and maximum, unit coordinates.
            voxel: edge of the cubes, unit lengths.
            device: where the field is asked.
        """
        return extract_level_set(field.sdf, unit_box, voxel, device=device)
