"""Cells of a lattice and what they share, in plain NumPy; see `neurfield.ops.dual_lattice`."""

from __future__ import annotations

import numpy as np

from neurfield.ops.lattice_keys import find, keys, numbered, points_of

_UNIT = np.eye(3, dtype=np.int64)


def box_of(side: int) -> np.ndarray:
    """The integer points [side^3, 3] of a box, rising."""
    return np.stack(np.meshgrid(*[np.arange(side)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)


def halved_cells(cells: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """The cells [k, 3] of half the size, rising."""
    found = (2 * cells[:, None] + box_of(2)).reshape(-1, 3)
    found = found[(found < counts).all(axis=1)]
    return found[np.argsort(keys(found))]


def shared_points(cells: np.ndarray, stride: int) -> tuple[np.ndarray, np.ndarray]:
    """The points [p, 3], rising, and which are each cell's [c, (stride + 1)^3]."""
    found, index = numbered(keys(stride * cells[:, None] + box_of(stride + 1)))
    return points_of(found), index


def edges_between(cells: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The cells [e, 4] around edges, and their axes [e]."""
    numbers = keys(cells)
    quads, axes = [], []
    for axis in range(3):
        b, c = _UNIT[(axis + 1) % 3], _UNIT[(axis + 2) % 3]
        around = [cells - b - c, cells - c, cells, cells - b]
        quad = np.stack([np.where((a >= 0).all(axis=1), find(numbers, keys(a)), -1) for a in around], axis=1)
        there = (quad >= 0).all(axis=1)
        quads.append(quad[there])
        axes.append(np.full(int(there.sum()), axis))
    return np.concatenate(quads), np.concatenate(axes)
