"""Colours of a mesh around it: each place has that of the surface nearest to it."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import trimesh
from scipy.spatial import cKDTree
from torch import Tensor

from neurfield.errors import UserError
from neurfield.shapes import Shape, UnitShape


class Paint:
    """A coloured mesh that is asked for its colours.

    Args:
        unit: the mesh.

    Raises:
        UserError: it has no colours.
    """

    def __init__(self, unit: UnitShape) -> None:
        self.unit = unit
        corners = torch.from_numpy(corner_colors(unit.shape))
        self.corners = corners.flip(1) if unit.sides.flipped else corners  # as those of the tree

    def __call__(self, points: Tensor) -> Tensor:
        """[N, 3] in [0, 1], sRGB, at points [N, 3] of unit coordinates."""
        found = self.unit.tree.nearest(points)
        weights = barycentric(self.unit.tree.corners[found.face], found.point)
        return (weights[:, :, None] * self.corners[found.face]).sum(dim=1)


def barycentric(corners: Tensor, points: Tensor) -> Tensor:
    """Weights [N, 3] of the corners [N, 3, 3] of triangles at points [N, 3] on them, by areas opposite.

    Of a triangle without area a third each.
    """
    across = corners - points[:, None]
    areas = torch.linalg.cross(across.roll(-1, dims=1), across.roll(-2, dims=1)).norm(dim=2)
    total = areas.sum(dim=1, keepdim=True)
    return torch.where(total > 0.0, areas / total.clamp_min(1e-30), torch.full_like(areas, 1.0 / 3.0))


def corner_colors(shape: Shape) -> np.ndarray:
    """float32 [F, 3, 3] in [0, 1], sRGB, at the corners of a mesh's faces.

    Colours that a file has of its faces stay sharp at their edges, where those of `Shape`, which are of
    vertices, are their means.

    Raises:
        UserError: it has no colours.
    """
    if shape.colors is None:
        raise UserError(
            f"{shape.path or shape.name}: has no colours, which --field radiance learns: give --field sdf"
        )
    if shape.path is not None and shape.path.suffix.lower() in (".ply", ".off", ".obj"):
        given: Any = trimesh.load(shape.path, process=False, force="mesh")
        if given.visual.kind == "face":
            colors = np.asarray(given.visual.face_colors)[:, :3].astype(np.float32) / 255.0
            if len(colors) != len(shape.faces):  # some were left out as they were mended
                middles = shape.vertices[shape.faces].mean(axis=1)
                colors = colors[cKDTree(given.triangles_center).query(middles)[1]]
            return np.repeat(colors[:, None], 3, axis=1)
    return shape.colors[shape.faces].astype(np.float32) / 255.0
