"""The level set on a dense array in NumPy: what the native one computes, for those without it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from neurfield.errors import UserError
from neurfield.ops.marching_cubes_table import triangle_table

_MOST_POINTS = 1 << 29  # 2 GiB of values


class DenseLevelSet:
    """See `neurfield.ops.level_set.LevelSet`."""

    def __init__(self, cubes: Sequence[int]) -> None:
        shape = tuple(n + 1 for n in cubes)
        if np.prod(shape, dtype=np.int64) > _MOST_POINTS:
            raise UserError(
                f"level set: {' x '.join(map(str, cubes))} cubes need the native kernels; choose a larger "
                "voxel, or build them (`neurfield doctor` says why they are missing)"
            )
        self._cubes = np.array(cubes)
        self._values = np.full(shape, np.nan, dtype=np.float32)  # NaN: not known
        self._wanted = np.zeros(shape, dtype=bool)
        self._taken = np.empty((0, 3), dtype=np.int64)

    def put(self, points: Tensor, values: Tensor) -> None:
        self._set(points.numpy(), values.numpy())

    def want_cells(self, corners: Tensor, size: int) -> None:
        offsets = np.stack(np.meshgrid(*[np.arange(size + 1)] * 3, indexing="ij"), axis=-1).reshape(-1, 1, 3)
        points = (corners.numpy().astype(np.int64) + offsets).reshape(-1, 3)
        points = points[(points <= self._cubes).all(axis=1)]
        self._wanted[tuple(points.T)] = True
        self._wanted &= np.isnan(self._values)

    def wanted(self) -> int:
        return int(self._wanted.sum())

    def take(self, limit: int) -> Tensor:
        self._taken = np.stack(
            np.unravel_index(np.flatnonzero(self._wanted)[:limit], self._wanted.shape), axis=1
        )
        return torch.from_numpy(self._taken.astype(np.int32))

    def give(self, values: Tensor) -> None:
        self._set(self._taken, values.numpy())

    def want_frontier(self, level: float) -> None:
        _, known = self._cubes_of(self._values)
        reached = np.zeros(tuple(self._cubes), dtype=bool)
        for axis in range(3):
            ends = np.moveaxis(self._values, axis, 0)
            with np.errstate(invalid="ignore"):
                crossed = (ends[1:] >= level) != (ends[:-1] >= level)
            crossed &= ~np.isnan(ends[1:]) & ~np.isnan(ends[:-1])
            wide = np.pad(crossed, [(0, 0), (1, 1), (1, 1)])[:, 1:-1, 1:-1]
            around = wide[:, :-1, :-1] | wide[:, 1:, :-1] | wide[:, :-1, 1:] | wide[:, 1:, 1:]
            reached |= np.moveaxis(around, 0, axis)
        blocks = np.unique(np.argwhere(reached & ~known) // 8, axis=0)
        if len(blocks):
            self.want_cells(torch.from_numpy(blocks * 8), 8)

    def extract(self, level: float) -> tuple[Tensor, Tensor]:
        with np.errstate(invalid="ignore"):
            positive = self._values >= level
        corners, known = self._cubes_of(positive)
        pattern = np.zeros(tuple(self._cubes), dtype=np.uint8)
        for c, bits in enumerate(corners):
            pattern |= bits.astype(np.uint8) << c
        cubes = np.argwhere(known & (pattern > 0) & (pattern < 255))  # [k, 3]
        cubes = cubes[np.argsort(self._key(cubes, 0), kind="stable")]
        edges = triangle_table()[pattern[tuple(cubes.T)]]  # [k, 3 T]
        cube, slot = np.nonzero(edges != 255)
        edge = edges[cube, slot].astype(np.int64)  # [3 f] the crossed edge of each face's corner
        axis, u, v = edge >> 2, edge >> 1 & 1, edge & 1
        low = cubes[cube] + np.stack(
            [np.where(axis == 0, 0, u), np.choose(axis, [u, 0 * u, v]), np.where(axis == 2, 0, v)], axis=1
        )  # [3 f, 3] the lower end
        _, first, index = np.unique(self._key(low, axis), return_index=True, return_inverse=True)
        low, axis = low[first], axis[first]
        high = low + np.eye(3, dtype=np.int64)[axis]
        a, b = (self._values[tuple(end.T)].astype(np.float64) for end in (low, high))
        vertices = low.astype(np.float64)
        vertices[np.arange(len(low)), axis] += (np.float32(level) - a) / (b - a)
        return torch.from_numpy(vertices), torch.from_numpy(index.reshape(-1, 3).astype(np.int64))

    def _set(self, points: np.ndarray, values: np.ndarray) -> None:
        self._values[tuple(points.T)] = values
        self._wanted[tuple(points.T)] = False

    def _cubes_of(self, points: np.ndarray) -> tuple[list[np.ndarray], np.ndarray]:
        """The eight corners [nx, ny, nz] of every cube in the table's order, and whether all have values."""
        nx, ny, nz = self._cubes

        def corners_of(array: np.ndarray) -> list[np.ndarray]:
            return [array[x : x + nx, y : y + ny, z : z + nz] for x in (0, 1) for y in (0, 1) for z in (0, 1)]

        known = np.logical_and.reduce([~np.isnan(corner) for corner in corners_of(self._values)])
        return corners_of(points), known

    def _key(self, points: np.ndarray, axis: np.ndarray | int) -> np.ndarray:
        """The order of the native lattice: by block of 8^3 points, in the block by axis, then by place."""
        block, place = points >> 3, points & 7
        n = self._cubes // 8 + 1
        number = (block[:, 0] * n[1] + block[:, 1]) * n[2] + block[:, 2]
        return number * 2048 + axis * 512 + place[:, 0] * 64 + place[:, 1] * 8 + place[:, 2]
