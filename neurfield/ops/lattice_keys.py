"""Numbers for the integer points of a lattice, and which of many numbers is which."""

from __future__ import annotations

import numpy as np

BITS = 21  # of a key for each axis


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
