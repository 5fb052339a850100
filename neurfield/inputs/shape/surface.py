"""The surface of a field that was fitted to a shape, coloured as the shape is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import trimesh
from scipy.spatial import cKDTree

from neurfield.fitting.surface import FittedSurface, NoSurface
from neurfield.parts import Config
from neurfield.shapes import UnitShape
from neurfield.surfaces.after_welding import Faces
from neurfield.surfaces.lattice_field import Tell
from neurfield.surfaces.level_set_mesh import Extractor
from neurfield.wording import quoted


class ShapeSurface(FittedSurface):
    """A field, the box that its surface lies in, and the shape that gives the colours.

    Args:
        folder: of the run.
        config: of the run.
        box: [2, 3] minimum and maximum, world.
        field: in the unit coordinates of the box.
        shape: whose colours the mesh gets; a function that gives it is called when they are wanted; None:
            it has none.
    """

    def __init__(
        self,
        folder: Path,
        config: Config,
        box: np.ndarray,
        field: Any,
        shape: UnitShape | Callable[[], UnitShape] | None,
    ) -> None:
        super().__init__(folder, config, box, field)
        self._shape = shape

    def mesh(
        self,
        voxel: float | None = None,
        resolution: int | None = None,
        color: str = "vertex",
        component: str | float | None = None,
        extractor: Extractor | None = None,
        faces: Faces = None,
        holes: str | float | None = None,
        memory: str | float | None = None,
        tell: Tell | None = None,
    ) -> trimesh.Trimesh:
        """As `FittedSurface.mesh`; colours are those of the nearest places of the shape.

        Raises:
            UserError: as there, or the shape's file is gone and colours are wanted.
        """
        try:
            return super().mesh(voxel, resolution, color, component, extractor, faces, holes, memory, tell)
        except NoSurface as none:
            raise NoSurface(
                f"{self.folder}: the field has no surface in the box of the shape; fit for longer "
                f"(neurfield fit --resume {quoted(self.folder)} --steps N), or look at the losses in "
                "report.html"
            ) from none

    def paint(self, mesh: trimesh.Trimesh) -> None:
        """Colour a mesh as the shape is at its nearest places."""
        if self._shape is not None:
            shape = self._shape if isinstance(self._shape, UnitShape) else self._shape()
            if shape.shape.colors is not None:
                mesh.visual = trimesh.visual.ColorVisuals(mesh, vertex_colors=colors_at(shape, mesh.vertices))


def colors_at(shape: UnitShape, places: np.ndarray) -> np.ndarray:
    """uint8 [k, 3] of a coloured shape at its points nearest to places [k, 3] of the world.

    On a triangle they lie between those of its corners; a cloud has those of its points.
    """
    colors = shape.shape.colors
    assert colors is not None
    points = torch.from_numpy(shape.frame.unit_from_world(places)).float()
    if not shape.shape.is_mesh:
        _, row = cKDTree(shape.points.numpy()).query(points.numpy())
        return colors[row]
    found = shape.tree.nearest(points)
    corners = shape.points[torch.from_numpy(shape.shape.faces)][found.face].double()
    weights = _barycentric(corners, found.point.double())
    each = torch.from_numpy(colors.astype(np.float64))[torch.from_numpy(shape.shape.faces)[found.face]]
    return ((weights[..., None] * each).sum(dim=1) + 0.5).clamp(0, 255).to(torch.uint8).numpy()


def _barycentric(corners: torch.Tensor, points: torch.Tensor) -> torch.Tensor:
    """Weights [k, 3] of the corners [k, 3, 3] of triangles at points [k, 3] on them."""
    ab, ac, ap = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0], points - corners[:, 0]
    bb, bc, cc = ((x * y).sum(dim=1) for x, y in ((ab, ab), (ab, ac), (ac, ac)))
    pb, pc = ((ap * x).sum(dim=1) for x in (ab, ac))
    total = (bb * cc - bc * bc).clamp_min(1e-300)
    v, w = ((cc * pb - bc * pc) / total).clamp(0, 1), ((bb * pc - bc * pb) / total).clamp(0, 1)
    weights = torch.stack([(1.0 - v - w).clamp_min(0.0), v, w], dim=1)
    return weights / weights.sum(dim=1, keepdim=True)
