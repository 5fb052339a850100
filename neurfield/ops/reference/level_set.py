"""The level set on a dense array in NumPy: what the native one computes, for those without it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from neurfield.errors import UserError
from neurfield.ops.cube_topology import AmbiguousCubes, ambiguous_cases
from neurfield.ops.marching_cubes_table import corner_position, triangle_table

_MOST_POINTS = 1 << 29  # 2 GiB of values


class DenseLevelSet:
    """See `neurfield.ops.level_set.LevelSet`."""

    def __init__(
        self, cubes: Sequence[int], level: float = 0.0, slope: float = math.inf, first: int = 0
    ) -> None:
        self.device = torch.device("cpu")
        shape = tuple(n + 1 for n in cubes)
        if np.prod(shape, dtype=np.int64) > _MOST_POINTS:
            raise UserError(
                f"level set: {' x '.join(map(str, cubes))} cubes need the native kernels; choose a larger "
                "voxel, or build them (`neurfield doctor` says why they are missing)"
            )
        self._cubes, self._level, self._slope = np.array(cubes), np.float32(level), slope
        self._values = np.full(shape, np.nan, dtype=np.float32)  # NaN: not known
        self._looked_at, self._wanted, self._above, self._below = (np.zeros(shape, bool) for _ in range(4))
        self._taken = np.empty((0, 3), dtype=np.int64)
        self._first = first  # below it nothing is ever wanted

    def put(self, points: Tensor, values: Tensor, reach: int = 0) -> None:
        points, values = points.cpu(), values.cpu()
        block = np.zeros([-(-n // 8) for n in self._values.shape], dtype=bool)
        block[tuple((points.numpy() // 8).T)] = True
        nx, ny, nz = self._values.shape
        for axis in range(3):
            block = block.repeat(8, axis=axis)
        self._looked_at |= block[:nx, :ny, :nz]
        self._set(points.numpy().astype(np.int64), values.numpy(), reach)

    def want_unsettled(self, step: int = 1, every_other: bool = False) -> None:
        some = (slice(None, None, step),) * 3
        wanted = (self._looked_at & ~self._settled())[some]
        if every_other:
            wanted &= np.indices(wanted.shape).sum(axis=0) % 2 == 0
        self._wanted[some] |= wanted

    def wanted(self) -> int:
        return int(self._wanted.sum())

    def take(self, limit: int) -> Tensor:
        self._taken = np.stack(
            np.unravel_index(np.flatnonzero(self._wanted)[:limit], self._wanted.shape), axis=1
        )
        return torch.from_numpy(self._taken.astype(np.int32))

    def give(self, values: Tensor, reach: int = 0) -> None:
        self._set(self._taken, values.cpu().numpy(), reach)

    def want_frontier(self) -> None:
        settled, positive = self._settled(), self._positive()
        reached = np.zeros(tuple(self._cubes), dtype=bool)
        ends = np.zeros_like(self._wanted)
        for axis in range(3):
            low, high = ((slice(None),) * axis + (side,) for side in (slice(0, -1), slice(1, None)))
            crossed = (positive[low] != positive[high]) & settled[low] & settled[high]
            ends[low] |= crossed
            ends[high] |= crossed
            crossed = np.moveaxis(crossed, axis, 0)
            wide = np.pad(crossed, [(0, 0), (1, 1), (1, 1)])[:, 1:-1, 1:-1]
            around = wide[:, :-1, :-1] | wide[:, 1:, :-1] | wide[:, :-1, 1:] | wide[:, 1:, 1:]
            reached |= np.moveaxis(around, 0, axis)
        self._wanted |= ends & np.isnan(self._values)
        _, complete = self._cubes_of(settled)
        offsets = np.stack(np.meshgrid(*[np.arange(9)] * 3, indexing="ij"), axis=-1).reshape(-1, 1, 3)
        reached[: self._first] = False
        points = (np.unique(np.argwhere(reached & ~complete) // 8, axis=0) * 8 + offsets).reshape(-1, 3)
        self._want(points[(points <= self._cubes).all(axis=1)])

    def extract(self) -> tuple[Tensor, Tensor]:
        corners, _ = self._cubes_of(self._positive())
        _, complete = self._cubes_of(self._settled())
        pattern = np.zeros(tuple(self._cubes), dtype=np.uint8)
        for c, bits in enumerate(corners):
            pattern |= bits.astype(np.uint8) << c
        cubes = np.argwhere(complete & (pattern > 0) & (pattern < 255))  # [k, 3]
        cubes = cubes[cubes[:, 0] >= self._first]
        cubes = cubes[np.argsort(self._key(cubes, 0), kind="stable")]
        patterns = pattern[tuple(cubes.T)]
        edges = triangle_table()[patterns]  # [k, 3 T]
        cube, slot = np.nonzero(edges != 255)
        edge = edges[cube, slot].astype(np.int64)  # [3 f] the crossed edge of each face's corner
        low, axis = _low_end(cubes[cube], edge)  # [3 f, 3] the lower end
        keys, first, index = np.unique(self._key(low, axis), return_index=True, return_inverse=True)
        low, axis = low[first], axis[first]
        self._vertices = keys, low, axis
        self._ambiguous = self._open_cubes(cubes, patterns.astype(np.int64), (edges != 255).sum(axis=1) // 3)
        high = low + np.eye(3, dtype=np.int64)[axis]
        a, b = (self._values[tuple(end.T)].astype(np.float64) for end in (low, high))
        vertices = low.astype(np.float64)
        vertices[np.arange(len(low)), axis] += (self._level - a) / (b - a)
        return torch.from_numpy(vertices), torch.from_numpy(index.reshape(-1, 3).astype(np.int64))

    def ambiguous(self) -> AmbiguousCubes:
        return self._ambiguous

    def on_plane(self, x: int) -> np.ndarray:
        _, low, axis = self._vertices
        rows = np.flatnonzero((low[:, 0] == x) & (axis > 0))
        return np.stack([rows, low[rows, 1], low[rows, 2], axis[rows]], axis=1)

    def _open_cubes(self, cubes: np.ndarray, patterns: np.ndarray, triangles: np.ndarray) -> AmbiguousCubes:
        """Those of all crossed cubes [k, 3] whose cases are ambiguous."""
        rows = np.flatnonzero(ambiguous_cases()[patterns])
        keys, _, _ = self._vertices
        first_face = (np.cumsum(triangles) - triangles)[rows]
        edges = np.stack(
            [self._key(*_low_end(cubes[rows], np.full(len(rows), e))) for e in range(12)], axis=1
        )
        at = np.searchsorted(keys, edges).clip(max=max(len(keys) - 1, 0))
        numbers = np.where(keys[at] == edges, at, -1) if len(keys) else np.full(edges.shape, -1)
        corners = cubes[rows][:, None] + np.array([corner_position(corner) for corner in range(8)])
        values = self._values[tuple(np.moveaxis(corners, 2, 0))]
        return AmbiguousCubes(cubes[rows], patterns[rows], first_face, numbers, values)

    def _settled(self) -> np.ndarray:
        return ~np.isnan(self._values) | (self._above ^ self._below)

    def _positive(self) -> np.ndarray:
        """Whether settled points are not below the level."""
        known = ~np.isnan(self._values)
        return np.where(known, self._values >= self._level, self._above & ~self._below)

    def _want(self, points: np.ndarray) -> None:
        self._wanted[tuple(points.T)] = True
        self._wanted &= np.isnan(self._values)

    def _set(self, points: np.ndarray, values: np.ndarray, reach: int) -> None:
        self._values[tuple(points.T)] = values
        self._wanted[tuple(points.T)] = False
        radius = np.minimum(np.abs(values - self._level) / np.float32(self._slope), np.float32(reach + 1))
        for offset in np.ndindex(*[2 * reach + 1] * 3):
            step = np.array(offset) - reach
            near = radius * radius > np.float32(step @ step)
            for side, chosen in ((self._above, values >= self._level), (self._below, values < self._level)):
                found = points[near & chosen] + step
                found = found[((found >= 0) & (found <= self._cubes)).all(axis=1)]
                side[tuple(found.T)] |= self._looked_at[tuple(found.T)]

    def _cubes_of(self, points: np.ndarray) -> tuple[list[np.ndarray], np.ndarray]:
        """The eight corners [nx, ny, nz] of every cube in the table's order, and whether all hold."""
        nx, ny, nz = self._cubes
        corners = [points[x : x + nx, y : y + ny, z : z + nz] for x in (0, 1) for y in (0, 1) for z in (0, 1)]
        return corners, np.logical_and.reduce(corners)

    def _key(self, points: np.ndarray, axis: np.ndarray | int) -> np.ndarray:
        """The order of the native lattice: by block of 8^3 points, in the block by axis, then by place."""
        block, place = points >> 3, points & 7
        n = self._cubes // 8 + 1
        number = (block[:, 0] * n[1] + block[:, 1]) * n[2] + block[:, 2]
        return number * 2048 + axis * 512 + place[:, 0] * 64 + place[:, 1] * 8 + place[:, 2]


def _low_end(cubes: np.ndarray, edge: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The low ends [k, 3] of edges of the table in cubes [k, 3], and their axes [k]."""
    axis, u, v = edge >> 2, edge >> 1 & 1, edge & 1
    step = np.stack(
        [np.where(axis == 0, 0, u), np.choose(axis, [u, 0 * u, v]), np.where(axis == 2, 0, v)], axis=1
    )
    return cubes + step, axis
