"""A mesh for each object that a fitted field tells apart."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
import trimesh

from neurfield.errors import UserError
from neurfield.fields import Color, ObjectsField
from neurfield.rays import UnitFrame
from neurfield.surfaces import keep_components
from neurfield.surfaces.color import vertex_colors

BACKGROUND = "background"
CELLS = 64  # along the box's longest side, in which objects are looked for
BLOCK = 8  # voxels, of which the sides of such a cell are multiples by powers of two
STEEPEST = 1.25  # slope of a distance that is reckoned with, as in `extract_level_set`
AT_ONCE = 1 << 17  # points


class Surface(Protocol):
    """What is asked of a `FittedSurface`."""

    folder: Path
    box: np.ndarray
    field: Any
    radiance: Color | None
    names: Mapping[int, str]
    device: torch.device
    extraction: Any

    def voxel(self, voxel: float | None = None, resolution: int | None = None) -> float: ...


@dataclass(frozen=True)
class ObjectMesh:
    """One object of a field.

    Attributes:
        id: its instance id; None: the background.
        label: "12 mug", "12" where it has no name, or "background".
        mesh: in the world's coordinates; None: it has no surface in the box.
    """

    id: int | None
    label: str
    mesh: trimesh.Trimesh | None

    @property
    def stem(self) -> str:
        """Of a file, such as "0012-mug": what is no letter or number becomes a dash."""
        if self.id is None:
            return BACKGROUND
        name = re.sub(r"\W+", "-", self.label.partition(" ")[2]).strip("-").lower()
        return f"{self.id:04d}-{name}" if name else f"{self.id:04d}"


def object_meshes(
    surface: Surface,
    voxel: float | None = None,
    resolution: int | None = None,
    color: str = "vertex",
    component: str | None = None,
) -> list[ObjectMesh]:
    """The zero level set of each distance of a field of objects, the background's first.

    Each is whole, with the sides that no picture shows as the field has them. Their cubes are those of the
    scene's mesh.

    Args:
        surface: of a run.
        voxel, resolution, color: as for `FittedSurface.mesh`.
        component: "all" or "largest", of each object; None: the run's configuration.

    Raises:
        UserError: the field tells no objects apart, or an argument is wrong.
    """
    field = surface.field
    if not isinstance(field, ObjectsField):
        raise UserError(
            f"{surface.folder}: its field tells no objects apart: fit one with --method objectsdf++"
        )
    which = component or surface.extraction.component
    if which == "object":
        raise UserError(
            "component 'object', what stands on the ground, is none of objects: give all or largest"
        )
    frame = UnitFrame.around(surface.box)
    size = surface.voxel(voxel, resolution) / frame.half
    field.active_levels = field.encoding.levels
    unit_box = np.array(frame.box_in_unit(surface.box)).reshape(2, 3)
    found = []
    for index, box in enumerate(object_boxes(field, unit_box, size, surface.device)):
        mesh = None if box is None else _mesh(surface, index, box, size, color, which)
        if mesh is not None:
            mesh.vertices = frame.world_from_unit(np.asarray(mesh.vertices))
        found.append(ObjectMesh(*named(field, index, surface.names), mesh))
    return found


def named(field: ObjectsField, index: int, names: Mapping[int, str]) -> tuple[int | None, str]:
    """The instance id and the label of a field's object."""
    if index == 0:
        return None, BACKGROUND
    instance = field.ids[index - 1]
    return instance, f"{instance} {names[instance]}" if names.get(instance) else str(instance)


@torch.no_grad()
def object_boxes(
    field: ObjectsField, box: np.ndarray, voxel: float, device: torch.device
) -> list[np.ndarray | None]:
    """For each distance the part [2, 3] of a box that its surface may be in; None: nowhere.

    All distances are asked at once in the middles of cells; where one is larger than it can become within the
    cell, the cell is left out. Boxes begin at whole voxels of the whole box.

    Args:
        field: of objects.
        box: [2, 3] minimum and maximum, unit coordinates.
        voxel: edge of the cubes, unit lengths.
        device: where the field is asked.
    """
    low, high = box
    size = BLOCK * voxel
    while np.ceil((high - low) / size).max() > CELLS:
        size *= 2.0
    counts = np.ceil((high - low) / size).astype(int)
    cells = np.stack(np.meshgrid(*map(np.arange, counts), indexing="ij"), axis=-1).reshape(-1, 3)
    reach = STEEPEST * 0.5 * math.sqrt(3.0) * size
    first = np.full((field.objects, 3), counts)
    last = np.full((field.objects, 3), -1)
    for part in np.array_split(cells, max(1, len(cells) // AT_ONCE)):
        middles = torch.from_numpy(low + (part + 0.5) * size).float().to(device)
        near = (field.query(middles).heads["objects"].abs() <= reach).cpu().numpy()
        for k in np.flatnonzero(near.any(axis=0)):
            first[k] = np.minimum(first[k], part[near[:, k]].min(axis=0))
            last[k] = np.maximum(last[k], part[near[:, k]].max(axis=0))
    return [
        None
        if last[k].max() < 0
        else np.stack([low + first[k] * size, np.minimum(low + (last[k] + 1) * size, high)])
        for k in range(field.objects)
    ]


def _mesh(
    surface: Surface, index: int, box: np.ndarray, voxel: float, color: str, component: str
) -> trimesh.Trimesh | None:
    """One object's surface in unit coordinates, or None."""
    alone = surface.field.one(index)
    vertices, faces = surface.extraction.extract(alone, box, voxel, surface.device)
    if not len(faces):
        return None
    mesh = keep_components(trimesh.Trimesh(vertices, faces, process=False), component)
    if color == "vertex" and surface.radiance is not None:
        colors = vertex_colors(alone, surface.radiance, np.asarray(mesh.vertices))
        mesh.visual = trimesh.visual.ColorVisuals(mesh, vertex_colors=colors)
    return mesh
