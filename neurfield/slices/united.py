"""Contours of one label that were drawn beside each other and overlap, made one: branches where they meet."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from neurfield.slices.arrangement import borders
from neurfield.slices.contours import Contour
from neurfield.slices.planar import inside

_CELLS = 64  # along the smaller contour's box, of which it is asked how many lie in the other


def beside(one: Contour, other: Contour) -> bool:
    """Whether less than half of the smaller of two contours lies in the other; else one is a hole."""
    small, large = sorted((one, other), key=lambda contour: abs(contour.area))
    low, size = small.corners.min(axis=0), np.ptp(small.corners, axis=0)
    share = (np.arange(_CELLS) + 0.5) / _CELLS
    places = low + size * np.stack(np.meshgrid(share, share, indexing="ij"), axis=-1).reshape(-1, 2)
    places = places[inside(places, [small.corners])]
    return len(places) > 0 and float(inside(places, [large.corners]).mean()) < 0.5


def united(contours: Sequence[Contour], pairs: Sequence[tuple[int, int]]) -> list[Contour]:
    """Contours, of which some pairs, and those that these join, are replaced by lines around all they hold.

    Args:
        contours: of a plane.
        pairs: by their places, each of one label.
    """
    if not pairs:
        return list(contours)
    rows, columns = np.asarray(pairs).T
    graph = coo_matrix((np.ones(len(rows)), (rows, columns)), shape=(len(contours), len(contours)))
    group = connected_components(graph, directed=False)[1]
    result = [contour for k, contour in enumerate(contours) if (group == group[k]).sum() == 1]
    for one in np.unique(group):
        those = [contours[i] for i in np.flatnonzero(group == one).tolist()]
        if len(those) > 1:
            lines = _around([contour.corners for contour in those])
            result += [Contour(line, those[0].label) for line in lines]
    return result


def _around(loops: list[np.ndarray]) -> list[np.ndarray]:
    """Lines around what is inside any of some closed lines."""

    def in_any(points: np.ndarray) -> np.ndarray:
        return np.any([inside(points, [loop]) for loop in loops], axis=0).astype(np.int64)

    return borders(loops, in_any, {"": [1]})[""]
