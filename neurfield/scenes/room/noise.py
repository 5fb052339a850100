"""Value noise and cell hashes for procedural textures: table look-ups, float32, periodic and fast."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

_SIDE_2D = 128
_SIDE_3D = 32


@lru_cache(maxsize=2)
def _table(dimensions: int) -> np.ndarray:
    """Uniform random lattice values, flattened; small enough to stay in a core's cache."""
    rng = np.random.default_rng(20240 + dimensions)
    side = _SIDE_2D if dimensions == 2 else _SIDE_3D
    return rng.random(side**dimensions, dtype=np.float32)


def _cell(x: np.ndarray, side: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Lattice index, next index (both wrapped to the table) and the smoothed fraction between them."""
    low = np.floor(x)
    fraction = x - low
    index = low.astype(np.int32) & (side - 1)
    return index, (index + 1) & (side - 1), fraction * fraction * (3.0 - 2.0 * fraction)


def noise2(x: np.ndarray, y: np.ndarray, seed: int = 0) -> np.ndarray:
    """Smooth value noise in 0..1 with one feature per unit; x, y float32 [k] -> float32 [k]."""
    table = _table(2)
    i0, i1, u = _cell(x + np.float32(17.31 * seed % _SIDE_2D), _SIDE_2D)
    j0, j1, v = _cell(y + np.float32(41.73 * seed % _SIDE_2D), _SIDE_2D)
    i0 = i0 * _SIDE_2D
    i1 = i1 * _SIDE_2D
    a = table.take(i0 + j0)
    c = table.take(i0 + j1)
    a += u * (table.take(i1 + j0) - a)
    c += u * (table.take(i1 + j1) - c)
    return a + v * (c - a)


def noise3(points: np.ndarray, seed: int = 0) -> np.ndarray:
    """Smooth value noise in 0..1 with one feature per unit; points float32 [k,3] -> float32 [k]."""
    table = _table(3)
    i0, i1, u = _cell(points[:, 0] + np.float32(7.31 * seed % _SIDE_3D), _SIDE_3D)
    j0, j1, v = _cell(points[:, 1] + np.float32(3.77 * seed % _SIDE_3D), _SIDE_3D)
    k0, k1, w = _cell(points[:, 2] + np.float32(5.13 * seed % _SIDE_3D), _SIDE_3D)
    i0 = i0 * (_SIDE_3D * _SIDE_3D)
    i1 = i1 * (_SIDE_3D * _SIDE_3D)
    j0 = j0 * _SIDE_3D
    j1 = j1 * _SIDE_3D

    def plane(k: np.ndarray) -> np.ndarray:
        near = table.take(i0 + j0 + k)
        far = table.take(i0 + j1 + k)
        near += u * (table.take(i1 + j0 + k) - near)
        far += u * (table.take(i1 + j1 + k) - far)
        return near + v * (far - near)

    bottom = plane(k0)
    return bottom + w * (plane(k1) - bottom)


def layered2(x: np.ndarray, y: np.ndarray, octaves: int = 3, seed: int = 0) -> np.ndarray:
    """Sum of `octaves` of `noise2`, each twice as fine and half as strong, rescaled to 0..1."""
    total = np.zeros_like(x)
    weight = 1.0
    for octave in range(octaves):
        total += np.float32(weight) * noise2(
            x * np.float32(2**octave), y * np.float32(2**octave), seed + 5 * octave
        )
        weight *= 0.5
    return total / np.float32(2.0 - 2.0 * weight)


def hash01(cell: np.ndarray, seed: int = 0) -> np.ndarray:
    """Uniform value in 0..1 for every integer cell; any integer array -> float32 of the same shape."""
    salt = np.uint32((seed * 0x85EBCA6B + 0x27D4EB2F) & 0xFFFFFFFF)
    h = cell.astype(np.uint32) * np.uint32(0x9E3779B1) + salt
    h ^= h >> np.uint32(15)
    h *= np.uint32(0x2C1B3C6D)
    h ^= h >> np.uint32(12)
    h *= np.uint32(0x297A2D39)
    h ^= h >> np.uint32(15)
    return (h >> np.uint32(8)).astype(np.float32) * np.float32(2.0**-24)


def hash01_cells(i: np.ndarray, j: np.ndarray, seed: int = 0) -> np.ndarray:
    """Uniform value in 0..1 for every pair of integer cells."""
    return hash01(i.astype(np.int32) * np.int32(7919) + j.astype(np.int32) * np.int32(104729), seed)
