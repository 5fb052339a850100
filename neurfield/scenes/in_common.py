"""What nearly all cameras look at, told by sparse points."""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from neurfield.scenes.cameras import Cameras

_SHARE = 0.8  # of the cameras that have a point in their picture
_GAP = 0.2  # between two things, by the cameras' distance from them


def part_in_common(cameras: Cameras, points: np.ndarray) -> np.ndarray:
    """The points of [k,3] that nearly all cameras have in their picture, of one thing.

    Whoever walks around a thing keeps it in the picture, to its ends, and hardly anything else. Where cameras
    keep to one side they see what is behind it, too: of parts with a gap between them, the one with most
    points counts.
    """
    if not len(points):
        return points
    seen = np.mean([cameras.in_view(i, points) for i in range(len(cameras))], axis=0)
    common = points[seen >= _SHARE]
    if not len(common):
        return common
    away = np.linalg.norm(cameras.centers - np.median(common, axis=0), axis=1)
    return largest_part(common, _GAP * float(np.median(away)))


def largest_part(points: np.ndarray, gap: float) -> np.ndarray:
    """Of points [k,3] those of the part with most of them; parts are farther apart than about `gap`."""
    cells, cell_of = np.unique(np.floor(points / gap), axis=0, return_inverse=True)
    near = cKDTree(cells).query_pairs(1.8, output_type="ndarray")  # cells that touch, at corners too
    ones, shape = np.ones(len(near), bool), (len(cells), len(cells))
    _, part = connected_components(coo_matrix((ones, (near[:, 0], near[:, 1])), shape), directed=False)
    part_of = part[cell_of.reshape(-1)]
    return points[part_of == np.bincount(part_of).argmax()]
