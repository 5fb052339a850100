"""The cells that a surface may pass, found from coarse to fine, and the lattice points that they share.

Legend: cells and lattice points are integers along three axes. Samples of dual meshing lie half a cell apart:
cell i has the 27 points 2 i + {0, 1, 2}^3.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

BITS = 21  # of a key for each axis
_COARSE_CELLS = 16  # along the longest side, for the first look
_CHILDREN = np.stack(np.meshgrid(*[np.arange(2)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
SAMPLES = np.stack(np.meshgrid(*[np.arange(3)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)  # [27, 3]


def keys(points: np.ndarray) -> np.ndarray:
    """An int64 for each integer point [..., 3] with coordinates of 0 to 2^21 - 1; they sort as the points."""
    return (points[..., 0] << 2 * BITS) | (points[..., 1] << BITS) | points[..., 2]


def points_of(key: np.ndarray) -> np.ndarray:
    """The points of keys."""
    mask = (1 << BITS) - 1
    return np.stack([key >> 2 * BITS, key >> BITS & mask, key & mask], axis=-1)


def numbered(numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The different ones of numbers, rising, and which of them each is, in the numbers' shape."""
    values, rows = np.unique(numbers, return_inverse=True)
    return values, rows.reshape(numbers.shape)


def find(sorted_keys: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Where each of the wanted keys stands in the sorted ones, -1 where it does not."""
    if not len(sorted_keys):
        return np.full(wanted.shape, -1, dtype=np.int64)
    place = np.searchsorted(sorted_keys, wanted).clip(max=len(sorted_keys) - 1)
    return np.where(sorted_keys[place] == wanted, place, -1)


def cells_near_surface(
    distance: Callable[[np.ndarray], np.ndarray], cells: np.ndarray, reach: Callable[[int], float]
) -> np.ndarray:
    """The cells [c, 3], sorted, that the surface may pass: by distances in the middles of ever smaller ones.

    Args:
        distance: [k] in cells, of points [k, 3] in cells.
        cells: how many there are along each axis [3].
        reach: up to which distance a cell of so many finest cells along its edge is kept, in cells.
    """
    size = 1
    while cells.max() > _COARSE_CELLS * size:
        size *= 2
    counts = -(-cells // size)
    found = np.stack(np.meshgrid(*map(np.arange, counts), indexing="ij"), axis=-1).reshape(-1, 3)
    while True:
        found = found[distance((found + 0.5) * size) < reach(size)]
        if size == 1:
            return found[np.argsort(keys(found))]
        size //= 2
        found = (2 * found[:, None] + _CHILDREN).reshape(-1, 3)
        found = found[(found * size < cells).all(axis=1)]


def shared_points(cells: np.ndarray, corners: np.ndarray, stride: int) -> tuple[np.ndarray, np.ndarray]:
    """The distinct points [p, 3] stride * cell + corner of all cells, and which are each cell's [c, k]."""
    of_cells = keys(stride * cells[:, None] + corners)
    found, index = numbered(of_cells)
    return points_of(found), index
