"""A mesh for each object that a fitted field tells apart."""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
import trimesh
from torch import Tensor

from neurfield.errors import UserError
from neurfield.fields import Color, ObjectsField, PartitionField
from neurfield.rays import UnitFrame
from neurfield.surfaces import clean_up, keep_components, manifoldness
from neurfield.surfaces.after_welding import Faces, check_clean_up
from neurfield.surfaces.color import vertex_colors
from neurfield.surfaces.lattice_field import Tell
from neurfield.surfaces.memory import read_memory

BACKGROUND = "background"
CELLS = 64  # along the box's longest side, at most, in which matter is looked for at first
FINEST = 2  # voxels along the cells in which whose it is is asked at last
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
        around: whether other labels lie in it.
    """

    id: int | None
    label: str
    mesh: trimesh.Trimesh | None
    around: bool = False

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
    component: str | float | None = None,
    faces: Faces = None,
    holes: str | float | None = None,
    memory: str | float | None = None,
    tell: Tell | None = None,
) -> list[ObjectMesh]:
    """The zero level set of each distance of a field of objects, the background's first.

    Of a field of labels those of the labels, each around what lies in it. Each is whole, with the sides that
    no picture shows as the field has them. Their cubes are those of the scene's mesh.

    Args:
        surface: of a run.
        voxel, resolution, color: as for `FittedSurface.mesh`.
        component: "all", "largest" or a share, of each object; None: the run's configuration.
        faces: of each object, as for `FittedSurface.mesh`; so are holes and memory.
        holes: those of each that are filled.
        memory: that the process may have.
        tell: is told which object's turn it is, and which fraction of all is done.

    Raises:
        UserError: the field tells no objects apart, or an argument is wrong.
    """
    field = surface.field
    if not isinstance(field, (ObjectsField, PartitionField)):
        raise UserError(
            f"{surface.folder}: its field tells no objects apart: fit one with --method objectsdf++, or "
            "slices of several labels"
        )
    which = surface.extraction.component if component is None else component
    if which == "object":
        raise UserError(
            "component 'object', what stands on the ground, is none of objects: give all or largest"
        )
    check_clean_up(faces, holes)
    bound = known_wishes(surface.extraction, memory)
    frame = UnitFrame.around(surface.box)
    size = surface.voxel(voxel, resolution) / frame.half
    field.active_levels = field.encoding.levels
    unit_box = np.array(frame.box_in_unit(surface.box)).reshape(2, 3)
    found = []
    if tell is not None:
        tell("looking for objects", 0.0)
    for index, box in enumerate(object_boxes(field, unit_box, size, surface.device)):
        if tell is not None:
            tell("meshes of objects", index / field.objects)
        if index == 0 and isinstance(field, PartitionField):
            continue  # what has no label ends nowhere but where labels begin
        alone = _alone(field, index, unit_box, size)
        mesh = None if box is None else _mesh(surface, alone, box, size, color, which, holes, bound)
        if mesh is not None and isinstance(field, PartitionField) and manifoldness(mesh).border_edges:
            # Some of it lies beyond the cells that were found.
            mesh = _mesh(surface, alone, unit_box, size, color, which, holes, bound)
        if mesh is not None:
            mesh = clean_up(mesh, faces, unit=frame.half, cell=size)
            mesh.vertices = frame.world_from_unit(np.asarray(mesh.vertices))
        around = isinstance(field, PartitionField) and len(field.parts(index)) > 1
        found.append(ObjectMesh(*named(field, index, surface.names), mesh, around))
    return found


def known_wishes(
    extraction: Any, memory: str | float | None = None, tell: Tell | None = None
) -> dict[str, Any]:
    """Arguments of an extraction beside the usual ones; `tell` for those alone who name it.

    Args:
        extraction: the method's part, which may be a plug-in's.
        memory: as for `FittedSurface.mesh`.
        tell: as there.
    """
    wishes: dict[str, Any] = {} if memory is None else {"memory": read_memory(memory)}
    if tell is not None and "tell" in inspect.signature(extraction.extract).parameters:
        wishes["tell"] = tell
    return wishes


def named(
    field: ObjectsField | PartitionField, index: int, names: Mapping[int, str]
) -> tuple[int | None, str]:
    """The instance id and the label of a field's object."""
    if index == 0:
        return None, BACKGROUND
    instance = field.ids[index - 1]
    return instance, f"{instance} {names[instance]}" if names.get(instance) else str(instance)


@torch.no_grad()
def object_boxes(
    field: ObjectsField | PartitionField, box: np.ndarray, voxel: float, device: torch.device
) -> list[np.ndarray | None]:
    """For each distance the part [2, 3] of a box that its surface may be in; None: nowhere.

    It is where cells hold matter or a surface, by the scene's distance in their middles, and are its place,
    by the labels there, with the cells beside these. Boxes begin at whole voxels of the whole box.

    Args:
        field: of objects.
        box: [2, 3] minimum and maximum, unit coordinates.
        voxel: edge of the cubes, unit lengths.
        device: where the field is asked.
    """
    low, high = box
    cubes = np.maximum(1, np.ceil((high - low) / voxel - 1e-6)).astype(int)
    size = FINEST
    while np.ceil(cubes / size).max() > CELLS:
        size *= 2
    cells = np.stack(np.meshgrid(*[np.arange(-(-n // size)) for n in cubes], indexing="ij"), axis=-1)
    cells = cells.reshape(-1, 3)
    children = np.stack(np.meshgrid(*[np.arange(2)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)

    def middles(cells: np.ndarray) -> Iterator[tuple[np.ndarray, Tensor]]:
        for start in range(0, len(cells), AT_ONCE):
            part = cells[start : start + AT_ONCE]
            yield part, torch.from_numpy(low + (part + 0.5) * (size * voxel)).float().to(device)

    while True:
        reach = STEEPEST * 0.5 * math.sqrt(3.0) * size * voxel
        near = [part[(field.sdf(at) <= reach).cpu().numpy()] for part, at in middles(cells)]
        cells = np.concatenate(near) if near else cells
        if size == FINEST:
            break
        size //= 2
        cells = (2 * cells[:, None] + children).reshape(-1, 3)
        cells = cells[(cells * size < cubes).all(axis=1)]
    first, last = np.full((field.objects, 3), cubes.max()), np.full((field.objects, 3), -1)
    for part, at in middles(cells):
        owner = field.owner(at).cpu().numpy()
        np.minimum.at(first, owner, part)
        np.maximum.at(last, owner, part)
    boxes: list[np.ndarray | None] = []
    for k in range(field.objects):
        parts = list(field.parts(k)) if isinstance(field, PartitionField) else [k]
        begin, end = first[parts].min(axis=0), last[parts].max(axis=0)
        box_of = [low + np.maximum(begin - 1, 0) * (size * voxel), low + (end + 2) * (size * voxel)]
        boxes.append(None if end.max() < 0 else np.stack([box_of[0], np.minimum(box_of[1], high)]))
    return boxes


def _alone(field: ObjectsField | PartitionField, index: int, box: np.ndarray, voxel: float) -> Any:
    """The field of one distance; that of a label ends a little within the box, where a scene goes on."""
    if not isinstance(field, PartitionField):
        return field.one(index)
    return field.one(index, torch.from_numpy(box + 1.3 * voxel * np.array([[1.0], [-1.0]])).float())


@torch.no_grad()
def nearest_labels(field: PartitionField, box: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Which label [N] is nearest to points [N, 3] of the world, in the order of the field's ids.

    Args:
        field: of labels.
        box: [2, 3] of its unit coordinates, world.
        points: inside of labels or out.
    """
    device = next(field.parameters()).device
    places = torch.from_numpy(UnitFrame.around(box).unit_from_world(points)).float()
    each = [field.values(at.to(device))[:, 1:].argmin(dim=1).cpu() for at in places.split(AT_ONCE)]
    return torch.cat(each).numpy() if each else np.zeros(0, np.int64)


def _mesh(
    surface: Surface,
    alone: Any,
    box: np.ndarray,
    voxel: float,
    color: str,
    component: str | float,
    holes: str | float | None,
    bound: Mapping[str, Any],
) -> trimesh.Trimesh | None:
    """One object's surface in unit coordinates, or None."""
    vertices, faces = surface.extraction.extract(alone, box, voxel, surface.device, **bound)
    if not len(faces):
        return None
    mesh = keep_components(trimesh.Trimesh(vertices, faces, process=False), component)
    mesh = clean_up(mesh, holes=holes, unit=UnitFrame.around(surface.box).half)
    if color == "vertex" and surface.radiance is not None:
        colors = vertex_colors(alone, surface.radiance, np.asarray(mesh.vertices))
        mesh.visual = trimesh.visual.ColorVisuals(mesh, vertex_colors=colors)
    return mesh
