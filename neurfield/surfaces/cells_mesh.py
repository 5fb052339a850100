"""Marching cubes over cells that are listed one by one, each corner with a value of its own sign."""

from __future__ import annotations

import numpy as np

from neurfield.ops.lattice_keys import numbered
from neurfield.ops.marching_cubes_table import corner_position, edge_corners, triangle_table

CORNERS = np.array([corner_position(corner) for corner in range(8)], dtype=np.int64)  # [8, 3], as the table's
EDGES = np.array([edge_corners(edge) for edge in range(12)], dtype=np.int64)  # [12, 2]


def mesh_of_cells(values: np.ndarray, cells: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The edges [v, 2] at which values change sign, each a vertex, and faces [f, 3] of these.

    Normals point to the positive side.

    Args:
        values: [n] of the lattice's points; 0 counts as positive.
        cells: [c, 8] the corners of each cell, rows of points in the order of `CORNERS`.
    """
    table = triangle_table()
    case = ((values[cells] >= 0.0) << np.arange(8)).sum(axis=1)
    edges = table[case]
    cell, place = np.nonzero(edges != 255)
    ends = cells[cell[:, None], EDGES[edges[cell, place]]]  # [3 f, 2]
    pairs, index = numbered(ends[:, 0] * len(values) + ends[:, 1])
    return np.stack(np.divmod(pairs, max(len(values), 1)), axis=1), index.reshape(-1, 3)
