"""Putting a room together: pieces of an object in its own coordinates, and the assembly they are placed into.

An object's coordinates: the origin is on what carries the object (floor, table top) or on the wall behind it,
z is up, and the front looks along -y.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from neurfield.scenes.room.materials import AreaLight, Material
from neurfield.scenes.room.shapes import Shape, Vec, rotation


@dataclass(frozen=True)
class Piece:
    """A shape of one material, in the coordinates of its object."""

    shape: Shape
    material: Material


Pieces = list[Piece]


def pieces(material: Material, *shapes: Shape) -> Pieces:
    """Several shapes of the same material."""
    return [Piece(s, material) for s in shapes]


def pose(at: Vec, turn: float = 0.0, tilt: float = 0.0, roll: float = 0.0) -> np.ndarray:
    """4x4 rigid pose: roll about y, then tilt about x, then turn about z (degrees), then move to `at`."""
    matrix = np.eye(4)
    matrix[:3, :3] = rotation(turn, "z") @ rotation(tilt, "x") @ rotation(roll, "y")
    matrix[:3, 3] = at
    return matrix


def carried(parts: Pieces, where: np.ndarray) -> Pieces:
    """The pieces moved by a rigid 4x4 pose, their patterns with them."""
    moved: dict[int, Material] = {}
    for p in parts:
        if id(p.material) not in moved:
            moved[id(p.material)] = p.material.placed(where)
    return [Piece(p.shape.posed(where), moved[id(p.material)]) for p in parts]


@dataclass
class Assembly:
    """Objects placed so far, as arrays to be."""

    names: list[str] = field(default_factory=list)
    materials: list[Material] = field(default_factory=list)
    lights: list[AreaLight] = field(default_factory=list)
    keep_out: list[np.ndarray] = field(default_factory=list)
    _vertices: list[np.ndarray] = field(default_factory=list)
    _faces: list[np.ndarray] = field(default_factory=list)
    _instance: list[np.ndarray] = field(default_factory=list)
    _material: list[np.ndarray] = field(default_factory=list)
    _count: int = 0

    def place(
        self, name: str, parts: Pieces, where: np.ndarray | None = None, solid: bool = False
    ) -> np.ndarray:
        """Add an object under a new instance id and return its box [2,3] in the world.

        `solid` keeps the camera's walk out of that box.
        """
        instance = len(self.names)
        self.names.append(name)
        index: dict[int, int] = {}
        low, high = np.full(3, np.inf), np.full(3, -np.inf)
        for p in carried(parts, np.eye(4) if where is None else where):
            if id(p.material) not in index:
                index[id(p.material)] = len(self.materials)
                self.materials.append(p.material)
            n = len(p.shape.faces)
            self._vertices.append(p.shape.vertices)
            self._faces.append(p.shape.faces + self._count)
            self._instance.append(np.full(n, instance, dtype=np.int32))
            self._material.append(np.full(n, index[id(p.material)], dtype=np.int32))
            self._count += len(p.shape.vertices)
            low = np.minimum(low, p.shape.vertices.min(0))
            high = np.maximum(high, p.shape.vertices.max(0))
        box = np.stack([low, high])
        if solid:
            self.keep_out.append(box)
        return box

    def arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Vertices [v,3], faces [f,3], instance id [f] and material index [f] of everything placed."""
        return (
            np.concatenate(self._vertices),
            np.concatenate(self._faces).astype(np.int64),
            np.concatenate(self._instance),
            np.concatenate(self._material),
        )
