"""A built-in room as arrays: geometry with instance ids, procedural materials, lights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neurfield.scenes.room.designs import DESIGNS
from neurfield.scenes.room.materials import AreaLight, Material
from neurfield.scenes.room.parts import Assembly
from neurfield.scenes.room.shell import build_shell


@dataclass(frozen=True)
class RoomModel:
    """A furnished room in metres: z up, floor at z = 0, one corner of the floor at the origin.

    Attributes:
        vertices: [v,3] float64.
        faces: [f,3] int64, wound so that normals point into free space.
        face_instance: [f] int32 into instance_names; 0 is the room itself, every object has its own.
        face_material: [f] int32 into materials.
        instance_names, materials, lights: of the whole room.
        bounds: [2,3], between the walls.
        keep_out: [k,2,3], boxes of furniture that a camera must avoid.
    """

    vertices: np.ndarray
    faces: np.ndarray
    face_instance: np.ndarray
    face_material: np.ndarray
    instance_names: tuple[str, ...]
    materials: tuple[Material, ...]
    lights: tuple[AreaLight, ...]
    bounds: np.ndarray
    keep_out: np.ndarray


def build_room(name: str = "room0", seed: int | None = None) -> RoomModel:
    """Models a built-in room; a seed gives the same arrays again, seeds differ in books, leaves, fruit."""
    design, room = DESIGNS[name], Assembly()
    build_shell(room, design.shell)
    design.furnish(room, design.shell, np.random.default_rng(design.seed if seed is None else seed))
    vertices, faces, instance, material = room.arrays()
    return RoomModel(
        vertices=vertices,
        faces=faces,
        face_instance=instance,
        face_material=material,
        instance_names=tuple(room.names),
        materials=tuple(room.materials),
        lights=tuple(room.lights),
        bounds=design.shell.bounds,
        keep_out=np.stack(room.keep_out),
    )
