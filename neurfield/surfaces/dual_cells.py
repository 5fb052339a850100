"""The cells that a surface may pass, found from coarse to fine.

Legend: cells and lattice points are integers along three axes. Samples of dual meshing lie half a cell apart:
cell i has the 27 points 2 i + {0, 1, 2}^3.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from neurfield.ops.dual_lattice import halved_cells

_COARSE_CELLS = 16  # along the longest side, for the first look
SAMPLES = np.stack(np.meshgrid(*[np.arange(3)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)  # [27, 3]


def cells_near_surface(
    distance: Callable[[np.ndarray], np.ndarray], cells: np.ndarray, reach: Callable[[int], float]
) -> np.ndarray:
    """The cells [c, 3], rising, that the surface may pass: by distances in the middles of ever smaller ones.

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
            return found
        size //= 2
        found = halved_cells(found, -(-cells // size))
