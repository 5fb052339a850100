"""The surface of a field that was fitted to slices: of several labels coloured by them, and in pieces."""

from __future__ import annotations

import colorsys

import numpy as np
import trimesh

from neurfield.fields import PartitionField
from neurfield.fitting.object_meshes import ObjectMesh, nearest_labels
from neurfield.fitting.surface import FittedSurface
from neurfield.surfaces.after_welding import Faces
from neurfield.surfaces.lattice_field import Tell

_CELLS = 256  # along the box, where no triangle is left out
_TURN = 0.61803398875  # of the circle of hues, from one label to the next


class SlicesSurface(FittedSurface):
    """As `FittedSurface`; of a field of several labels with their colours, and a mesh of each."""

    cure = "fit for longer (--steps), or look the contours over: neurfield slices check"

    def paint(self, mesh: trimesh.Trimesh) -> None:
        """Colour a mesh around all labels by whose its places are."""
        if not isinstance(self.field, PartitionField):
            return
        colors = label_colors(len(self.field.ids))
        owner = nearest_labels(self.field, self.box, np.asarray(mesh.vertices))
        mesh.visual = trimesh.visual.ColorVisuals(mesh, vertex_colors=colors[owner])

    def objects(
        self,
        voxel: float | None = None,
        resolution: int | None = None,
        color: str = "vertex",
        component: str | float | None = None,
        faces: Faces = None,
        holes: str | float | None = None,
        memory: str | float | None = None,
        tell: Tell | None = None,
    ) -> list[ObjectMesh]:
        """A mesh of each label; see `object_meshes`.

        "auto" leaves every triangle, because meshes that are thinned out one by one no longer share the
        boundaries between labels.
        """
        faces = None if faces == "auto" else faces
        found = super().objects(voxel, resolution, color, component, faces, holes, memory, tell)
        if color == "vertex" and isinstance(self.field, PartitionField):
            for one, its in zip(found, label_colors(len(found))):
                if one.mesh is not None:
                    own = np.tile(its, (len(one.mesh.vertices), 1))
                    one.mesh.visual = trimesh.visual.ColorVisuals(one.mesh, vertex_colors=own)
        return found

    def _usual_voxel(self, longest: float) -> float:
        if isinstance(self.field, PartitionField):
            return longest / _CELLS
        return super()._usual_voxel(longest)


def label_colors(count: int) -> np.ndarray:
    """Colours uint8 [count, 3]: hues a golden share of the circle apart, in two lightnesses."""
    each = [colorsys.hls_to_rgb((0.03 + k * _TURN) % 1.0, (0.62, 0.48)[k % 2], 0.55) for k in range(count)]
    return (255.0 * np.array(each).reshape(-1, 3) + 0.5).astype(np.uint8)
