"""Contours in planes, and what lies inside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

PADDING = 0.08  # of the longest side, around slices: what they cut goes on beyond the outermost of them


@dataclass(frozen=True)
class Plane:
    """A plane in the world, with axes of its own.

    Attributes:
        origin: [3] a place on it.
        axes: [2, 3] unit, at right angles.
    """

    origin: np.ndarray
    axes: np.ndarray

    @staticmethod
    def of(normal: Sequence[float] | np.ndarray, offset: float) -> Plane:
        """The plane normal · x = offset * |normal|, for a normal of any length above zero."""
        unit = np.asarray(normal, np.float64)
        unit = unit / np.linalg.norm(unit)
        first = np.eye(3)[int(np.argmin(np.abs(unit)))]
        first = first - (first @ unit) * unit
        first = first / np.linalg.norm(first)
        return Plane(offset * unit, np.stack([first, np.cross(unit, first)]))

    @property
    def normal(self) -> np.ndarray:
        """[3] unit: the first axis cross the second."""
        return np.cross(self.axes[0], self.axes[1])

    @property
    def offset(self) -> float:
        """Of the plane from zero along its normal, world lengths."""
        return float(self.origin @ self.normal)

    def heights(self, points: np.ndarray) -> np.ndarray:
        """How far points [N, 3] lie off the plane along its normal, [N]."""
        return (np.asarray(points, np.float64) - self.origin) @ self.normal

    def flat(self, points: np.ndarray) -> np.ndarray:
        """Points [N, 3] of the world in the plane's axes, [N, 2]."""
        return (np.asarray(points, np.float64) - self.origin) @ self.axes.T

    def world(self, flat: np.ndarray) -> np.ndarray:
        """Places [N, 2] of the plane in the world, [N, 3]."""
        return self.origin + np.asarray(flat, np.float64) @ self.axes


@dataclass(frozen=True)
class Contour:
    """A closed line in a plane.

    Attributes:
        corners: [n, 2] in the plane's axes; the last is joined to the first.
        label: of what is inside it; a line inside another of its label is a hole, one inside that an island.
    """

    corners: np.ndarray
    label: int = 1

    @property
    def area(self) -> float:
        """Positive where it turns from the plane's first axis to its second."""
        x, y = (self.corners - self.corners.mean(axis=0)).T
        return 0.5 * float(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y))


@dataclass(frozen=True)
class Slice:
    """A plane and the contours in it.

    Attributes:
        plane: where they lie.
        contours: none where the plane meets nothing.
        number: by which people know the plane: what its file calls it, or its place there from 1.
    """

    plane: Plane
    contours: tuple[Contour, ...] = ()
    number: int = 0

    def of_label(self, label: int) -> list[np.ndarray]:
        """Corners [n, 2] of each contour of a label."""
        return [contour.corners for contour in self.contours if contour.label == label]


@dataclass(frozen=True)
class Slices:
    """Cross-sections of one thing, or of several that labels tell apart.

    Attributes:
        name: for people and for folders.
        slices: in the order of the file.
        names: of the labels.
        unit: of the world's lengths, "" where nobody says.
        axes: what the world's axes are, "LPS", "RAS", or "" where nobody says.
        path: of the file or folder; None: they came from Python.
        notes: what was noticed and mended, for people.
        chosen: the label of several that this is, "" where none was chosen.
    """

    name: str
    slices: tuple[Slice, ...]
    names: Mapping[int, str] = field(default_factory=dict)
    unit: str = ""
    axes: str = ""
    path: Path | None = None
    notes: tuple[str, ...] = ()
    chosen: str = ""

    @property
    def labels(self) -> tuple[int, ...]:
        """All labels that contours have."""
        return tuple(sorted({contour.label for one in self.slices for contour in one.contours}))

    def called(self, label: int) -> str:
        """The name of a label, or its number."""
        return self.names.get(label, str(label))

    @property
    def corners(self) -> np.ndarray:
        """All corners of all contours [N, 3], world."""
        each = [one.plane.world(contour.corners) for one in self.slices for contour in one.contours]
        return np.concatenate(each) if each else np.zeros((0, 3))

    @property
    def edges(self) -> np.ndarray:
        """Both ends [K, 2, 3] of all edges of all contours, world."""
        each = [
            one.plane.world(np.stack([contour.corners, np.roll(contour.corners, -1, axis=0)], axis=1))
            for one in self.slices
            for contour in one.contours
        ]
        return np.concatenate(each) if each else np.zeros((0, 2, 3))

    @property
    def box(self) -> np.ndarray:
        """[2, 3] minimum and maximum with some room around the contours, world."""
        corners = self.corners
        low, high = corners.min(axis=0), corners.max(axis=0)
        gaps = self.gaps
        # A gap beyond the outermost planes nothing is left (`UnitSlices.ends`).
        room = max(PADDING * float((high - low).max()), 1.2 * float(gaps.max()) if len(gaps) else 0.0)
        return np.stack([low - room, high + room])

    @property
    def parallel(self) -> bool:
        """Whether all planes have the same normal, either way round."""
        normals = np.stack([one.plane.normal for one in self.slices])
        return bool((np.abs(normals @ normals[0]) > 1.0 - 1e-9).all())

    @property
    def gaps(self) -> np.ndarray:
        """Distances of neighbours of parallel planes, world lengths; none where they are not parallel."""
        if len(self.slices) < 2 or not self.parallel:
            return np.zeros(0)
        normal = self.slices[0].plane.normal
        return np.diff(np.sort([float(one.plane.origin @ normal) for one in self.slices]))

    @property
    def words(self) -> str:
        """What they are, for people."""
        contours = sum(len(one.contours) for one in self.slices)
        corners = sum(len(contour.corners) for one in self.slices for contour in one.contours)
        how = "parallel" if self.parallel else "turned"
        of = f" of {len(self.labels)} labels" if len(self.labels) > 1 else ""
        return f"{len(self.slices)} {how} planes, {contours:,} contours{of}, {corners:,} corners"
