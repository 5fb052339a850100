"""The surface of a field that was fitted to slices: of several labels coloured by them, and in pieces."""

from __future__ import annotations

import colorsys
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
import trimesh

from neurfield.fields import PartitionField
from neurfield.fitting.folder import read_facts
from neurfield.fitting.object_meshes import ObjectMesh, nearest_labels
from neurfield.fitting.surface import FittedSurface
from neurfield.inputs.slices.kept import KEPT, kept
from neurfield.inputs.slices.supported import UNSUPPORTED, supported
from neurfield.slices import Contour, Slices, inner_labels, regions
from neurfield.slices.regions import ANY
from neurfield.slices.unit_slices import UnitSlices
from neurfield.surfaces import manifoldness
from neurfield.surfaces.after_welding import Faces
from neurfield.surfaces.lattice_field import Tell

_CELLS = 256  # along the box at least, of several labels, of whose meshes no triangle is left out
_CELLS_ACROSS = 1.0 / 3.0  # of the thinnest label's width
_TURN = 0.61803398875  # of the circle of hues, from one label to the next


class SlicesSurface(FittedSurface):
    """As `FittedSurface`; of a field of several labels with their colours, and a mesh of each."""

    cure = "fit for longer (--steps), or look the contours over: neurfield slices check"

    def mesh(self, *args: Any, **options: Any) -> trimesh.Trimesh:
        """As of `FittedSurface`, without pieces that no contour supports (`supported`)."""
        mesh = super().mesh(*args, **options)
        found, count = self._supported(mesh, ANY)
        if count:
            found.metadata["clean_up"] = [*mesh.metadata.get("clean_up", []), _left_out(count)]
            found.metadata["manifold"] = manifoldness(found)._asdict()
        found.metadata[UNSUPPORTED] = count
        return found

    @cached_property
    def _slices(self) -> Slices | None:
        """What was fitted; None where the run no longer has it."""
        there = (self.folder / KEPT).is_file()
        return kept(self.folder, read_facts(self.folder)) if there else None

    @cached_property
    def _regions(self) -> dict[int, Slices]:
        """What each label's mesh goes around in the planes."""
        return {} if self._slices is None else regions(self._slices, inner_labels(self._slices))

    def _supported(self, mesh: trimesh.Trimesh, label: int) -> tuple[trimesh.Trimesh, int]:
        if label not in self._regions:
            return mesh, 0
        return supported(mesh, UnitSlices(self._regions[label], self.box))

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
        found = [self._alone(one) for one in found]
        if color == "vertex" and isinstance(self.field, PartitionField):
            for one, its in zip(found, label_colors(len(found))):
                if one.mesh is not None:
                    own = np.tile(its, (len(one.mesh.vertices), 1))
                    one.mesh.visual = trimesh.visual.ColorVisuals(one.mesh, vertex_colors=own)
        return found

    def _alone(self, one: ObjectMesh) -> ObjectMesh:
        """A label's mesh without what no contour of it supports."""
        if one.mesh is None or one.id is None:
            return one
        mesh, count = self._supported(one.mesh, one.id)
        if count:
            mesh.metadata["clean_up"] = [*one.mesh.metadata.get("clean_up", []), _left_out(count)]
        mesh.metadata[UNSUPPORTED] = count
        return replace(one, mesh=mesh)

    def _usual_voxel(self, longest: float) -> float:
        """Of several labels a third of the thinnest one's width, from 256 to 512 cells along the box."""
        finest = super()._usual_voxel(longest)
        if not isinstance(self.field, PartitionField):
            return finest
        known = self._slices
        least = np.inf if known is None else min(thickness(known, label) for label in known.labels)
        return min(max(finest, _CELLS_ACROSS * least), longest / _CELLS)


def thickness(slices: Slices, label: int) -> float:
    """How wide what a label's contours go around is, world lengths: a strip's width, a disc's radius."""
    loops = [loop for one in slices.slices for loop in one.of_label(label)]
    around = sum(float(np.linalg.norm(loop - np.roll(loop, -1, axis=0), axis=1).sum()) for loop in loops)
    area = sum(abs(Contour(loop).area) for loop in loops)
    return 2.0 * area / around if around else 0.0


def _left_out(count: int) -> str:
    return f"{count:,} pieces left out that no contour supports" if count > 1 else (
        "1 piece left out that no contour supports"
    )  # fmt: skip


def label_colors(count: int) -> np.ndarray:
    """Colours uint8 [count, 3]: hues a golden share of the circle apart, in two lightnesses."""
    each = [colorsys.hls_to_rgb((0.03 + k * _TURN) % 1.0, (0.62, 0.48)[k % 2], 0.55) for k in range(count)]
    return (255.0 * np.array(each).reshape(-1, 3) + 0.5).astype(np.uint8)
