"""Marching cubes on a dense array in NumPy."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from neurfield.ops.marching_cubes_table import triangle_table


def marching_cubes_reference(values: Tensor, level: float) -> tuple[Tensor, Tensor]:
    """See `neurfield.ops.marching_cubes`; vertices in units of the grid.

    The grid has 2 points at least along each axis.
    """
    grid, level = values.numpy(), np.float32(level)
    cubes = tuple(n - 1 for n in grid.shape)

    def corners_of(array: np.ndarray) -> list[np.ndarray]:
        nx, ny, nz = cubes
        return [array[x : x + nx, y : y + ny, z : z + nz] for x in (0, 1) for y in (0, 1) for z in (0, 1)]

    pattern = np.zeros(cubes, dtype=np.uint8)
    for c, corner in enumerate(corners_of(grid)):
        pattern |= (corner >= level).astype(np.uint8) << c
    complete = np.logical_and.reduce(corners_of(np.isfinite(grid)))
    cube = np.argwhere(complete & (pattern > 0) & (pattern < 255))  # [k, 3]
    edges = triangle_table()[pattern[tuple(cube.T)]]  # [k, 3 T]
    row, slot = np.nonzero(edges != 255)
    edge = edges[row, slot].astype(np.int64)  # [3 f] the crossed edge of each face's corner
    axis, u, v = edge >> 2, edge >> 1 & 1, edge & 1
    low = cube[row] + np.stack(
        [np.where(axis == 0, 0, u), np.choose(axis, [u, 0 * u, v]), np.where(axis == 2, 0, v)], axis=1
    )  # [3 f, 3] the lower end
    number = ((low[:, 0] * 3 + axis) * grid.shape[1] + low[:, 1]) * grid.shape[2] + low[:, 2]
    _, first, index = np.unique(number, return_index=True, return_inverse=True)
    low, axis = low[first], axis[first]
    high = low + np.eye(3, dtype=np.int64)[axis]
    a, b = (grid[tuple(end.T)].astype(np.float64) for end in (low, high))
    vertices = low.astype(np.float64)
    vertices[np.arange(len(low)), axis] += (level - a) / (b - a)
    return torch.from_numpy(vertices), torch.from_numpy(index.reshape(-1, 3).astype(np.int64))
