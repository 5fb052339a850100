"""A mesh or a cloud of points, in its own world."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

PADDING = 0.05  # of the longest side, around a shape: there fields have room for what is outside


@dataclass(frozen=True)
class Shape:
    """A mesh, or a cloud of points.

    Attributes:
        name: for people and for folders.
        vertices: [V, 3] float64, world: as far from zero as the file has them.
        faces: [F, 3] int64 into the vertices, their normals outwards if they turn the usual way; a cloud has
            none.
        normals: [V, 3] float64 unit, of a cloud that has some; else None.
        colors: [V, 3] uint8, None where the file has none.
        path: of the file; None: it came from Python.
        notes: what was noticed and mended, for people.
        unit: of the world's lengths, "" where nobody says.
        keep_outliers: whether points off any surface are left in a cloud when it is mended.
    """

    name: str
    vertices: np.ndarray
    faces: np.ndarray = field(default_factory=lambda: np.zeros((0, 3), np.int64))
    normals: np.ndarray | None = None
    colors: np.ndarray | None = None
    path: Path | None = None
    notes: tuple[str, ...] = ()
    unit: str = ""
    keep_outliers: bool = False

    @property
    def is_mesh(self) -> bool:
        """Whether it has triangles."""
        return len(self.faces) > 0

    @property
    def box(self) -> np.ndarray:
        """[2, 3] minimum and maximum with some room around the shape, world."""
        low, high = self.vertices.min(axis=0), self.vertices.max(axis=0)
        room = PADDING * float((high - low).max())
        return np.stack([low - room, high + room])

    @property
    def diagonal(self) -> float:
        """Of the shape without room around it, world lengths."""
        return float(np.linalg.norm(np.ptp(self.vertices, axis=0)))

    @property
    def words(self) -> str:
        """What it is, for people."""
        if not self.is_mesh:
            normals = "with normals" if self.normals is not None else "without normals"
            more = "" if self.colors is None else ", coloured"
            return f"{len(self.vertices):,} points {normals}{more}"
        more = "" if self.colors is None else ", coloured"
        return f"{len(self.faces):,} triangles, {len(self.vertices):,} vertices{more}"
