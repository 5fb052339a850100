"""What the planes around a place say of it, however they are turned.

Planes cut space into convex cells. From a place a line runs along the normal of each plane, both ways, to the
first plane that it meets: faces of the place's own cell, on which inside and outside are known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from neurfield.slices.contours import Plane
from neurfield.slices.planar import signed_distance

_AT_ONCE = 1 << 22  # crossings of lines and planes
_CELLS = 256  # of a table, along the longer side of what it holds


@dataclass(frozen=True)
class Around:
    """What lines through N places meet first, ahead and back along D directions.

    Attributes:
        lengths: [N, 2, D] to the plane met, world lengths; infinite where there is none.
        told: [N, 2, D] signed distance within that plane, negative inside; infinite where it has no contours.
    """

    lengths: np.ndarray
    told: np.ndarray

    def sides(self, margin: float) -> np.ndarray:
        """-1 inside, 1 outside, 0 where nothing is certain, [N].

        A line tells a side where both planes that it ends on are on it by a share of its length, `margin`,
        and where no plane that any line meets on less than that length is on the other.
        """
        length = self.lengths.sum(axis=1)
        least = np.where(np.isfinite(length), margin * length, np.inf)
        inside, outside = self.told.max(axis=1) < -least, self.told.min(axis=1) > least
        side = outside.any(axis=1).astype(float) - inside.any(axis=1)
        reach = np.where(inside | outside, length, np.inf).min(axis=1)
        other = (np.sign(self.told) != side[:, None, None]) & (self.lengths < reach[:, None, None])
        return np.where(other.any(axis=(1, 2)), 0.0, side)

    def interpolated(self, cap: float) -> np.ndarray:
        """The distances told, up to `cap`, as one, [N]; nan where no line meets a plane.

        On each line linear from end to end, and lines that end close by count most: by the square of the sum
        of both ends' inverse lengths.
        """
        near = 1.0 / np.maximum(self.lengths, 1e-9 * cap)  # ends on the place itself leave nothing to others
        line = near.sum(axis=1)
        value = (near * np.clip(self.told, -cap, cap)).sum(axis=1)
        with np.errstate(invalid="ignore"):
            return (value * line).sum(axis=1) / (line * line).sum(axis=1)


class Cells:
    """The cells that planes cut a box into.

    Args:
        planes: with the corners [n, 2] of their contours.
        box: [2, 3] minimum and maximum, world.
        exact: ask distances of contours themselves rather than of tables.
    """

    def __init__(
        self, planes: Sequence[tuple[Plane, Sequence[np.ndarray]]], box: np.ndarray, *, exact: bool = False
    ) -> None:
        self.planes, self.middle = planes, box.mean(axis=0)
        self.normals = np.stack([plane.normal for plane, _ in planes])
        self.offsets = np.array([float((plane.origin - self.middle) @ plane.normal) for plane, _ in planes])
        self.directions = _apart(np.stack([plane.normal for plane, loops in planes if loops]))
        self.tables = [_Exact(p, loops) if exact else _Table(p, loops, box) for p, loops in planes]

    def around(self, points: np.ndarray) -> Around:
        """Of points [N, 3] of the box, world."""
        ways = np.concatenate([self.directions, -self.directions])
        lengths, told = np.zeros((2, len(points), len(ways)))
        rows = max(1, _AT_ONCE // (len(ways) * len(self.planes)))
        for start in range(0, len(points), rows):
            part = slice(start, start + rows)
            lengths[part], told[part] = self._met(points[part], ways)
        shape = len(points), 2, len(self.directions)
        return Around(lengths.reshape(shape), told.reshape(shape))

    def _met(self, points: np.ndarray, ways: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        off = self.offsets - (points - self.middle) @ self.normals.T
        with np.errstate(divide="ignore", invalid="ignore"):
            along = off[:, None] / (ways @ self.normals.T)
        along[~(along > 0.0)] = np.inf
        which = along.argmin(axis=2)
        lengths = np.take_along_axis(along, which[..., None], axis=2)[..., 0]
        told = np.full(lengths.shape, np.inf)
        for k, table in enumerate(self.tables):
            row, way = np.nonzero((which == k) & np.isfinite(lengths))
            if len(row):
                told[row, way] = table(points[row] + lengths[row, way, None] * ways[way])
        return lengths, told


class _Exact:
    """Signed distances within a plane, of its contours themselves."""

    def __init__(self, plane: Plane, loops: Sequence[np.ndarray]) -> None:
        self.plane, self.loops = plane, loops

    def __call__(self, points: np.ndarray) -> np.ndarray:
        return signed_distance(self.plane.flat(points), self.loops)


class _Table:
    """The same, interpolated from places on a grid over the box's shadow on the plane."""

    def __init__(self, plane: Plane, loops: Sequence[np.ndarray], box: np.ndarray) -> None:
        self.plane, self.values = plane, None
        if not loops:
            return
        corners = plane.flat(np.stack(np.meshgrid(*box.T, indexing="ij"), axis=-1).reshape(-1, 3))
        self.low = corners.min(axis=0)
        size = np.ptp(corners, axis=0)
        self.cell = float(size.max()) / _CELLS
        counts = np.ceil(size / self.cell).astype(int) + 1
        places = np.stack(np.meshgrid(*(np.arange(n) for n in counts), indexing="ij"), axis=-1)
        flat = self.low + self.cell * places.reshape(-1, 2)
        self.values = signed_distance(flat, loops).reshape(counts)

    def __call__(self, points: np.ndarray) -> np.ndarray:
        if self.values is None:
            return np.full(len(points), np.inf)
        last = np.array(self.values.shape) - 2
        at = (self.plane.flat(points) - self.low) / self.cell
        whole = np.clip(np.floor(at).astype(int), 0, last)
        i, j = whole.T
        x, y = np.clip(at - whole, 0.0, 1.0).T
        values = self.values
        return (1.0 - x) * ((1.0 - y) * values[i, j] + y * values[i, j + 1]) + x * (
            (1.0 - y) * values[i + 1, j] + y * values[i + 1, j + 1]
        )


def _apart(normals: np.ndarray) -> np.ndarray:
    """Unit vectors [D, 3], those that are alike either way round once."""
    alike = np.abs(normals @ normals.T) > 1.0 - 1e-9
    return normals[alike.argmax(axis=1) == np.arange(len(normals))]
