"""Noisy distances without a sign, told from both sides of the surface, where they are reliable.

A fitted distance is rounded off where it touches zero, and does not get there: within that width of the
surface neither its value nor its gradient tells where the surface is. A width away they do. So a point that
is too close is seen from two points, a width ahead and a width behind along the surface's normal. Half the
difference of their distances is how far it lies from the surface, as Guillard et al. move vertices (MeshUDF,
ECCV 2022). Their sum is twice the width, and more where no surface passes between them, beyond its border.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from neurfield.surfaces.crossings import Query

_OPPOSED = -0.2  # the cosine of both gradients, at most, if a surface passes between
_MOST = 0.98  # of the places on the surface, which are not to look like a border
_FLAT = 0.05  # of the width, by how much sums may err before they tell of a border


class Look(NamedTuple):
    """From how far the surface is looked at.

    Attributes:
        width: from it, so much is added ahead and taken behind; closer points are seen from there.
        floor: by how much distances at that width are too large, half of what both say more than 2 widths.
        spread: by how much that differs from place to place.
    """

    width: float
    floor: float
    spread: float

    def scaled(self, factor: float) -> Look:
        """In other lengths."""
        return Look(*(factor * length for length in self))


class BothSides(NamedTuple):
    """What points ahead and behind say.

    Attributes:
        axis: [n, 3] unit, from the one behind to the one ahead.
        height: [n] above the surface along it.
        sum: [n] of both distances.
        opposed: [n] whether a surface passes between them.
        along: [n, 3] the sum of both gradients without its part along the axis: away from a border.
    """

    axis: np.ndarray
    height: np.ndarray
    sum: np.ndarray
    opposed: np.ndarray
    along: np.ndarray


def look_from_both_sides(query: Query, points: np.ndarray, normals: np.ndarray, width: float) -> BothSides:
    """Ask ahead of points [n, 3] and behind them.

    Args:
        query: of the field as it is.
        points: close to its surface.
        normals: [n, 3] unit or 0, a first guess of the axis.
        width: how far ahead and behind.
    """
    ahead, behind = query(points + width * normals), query(points - width * normals)
    opposed = (ahead[1] * behind[1]).sum(axis=1) < 0.0
    axis = _unit(np.where(opposed[:, None], ahead[1] - behind[1], ahead[1] + behind[1]), normals)
    ahead, behind = query(points + width * axis), query(points - width * axis)
    opposed = (ahead[1] * behind[1]).sum(axis=1) < _OPPOSED
    both = ahead[1] + behind[1]
    along = both - (both * axis).sum(axis=1, keepdims=True) * axis
    return BothSides(axis, 0.5 * (ahead[0] - behind[0]), ahead[0] + behind[0], opposed, along)


def look_of(query: Query, feet: np.ndarray, normals: np.ndarray, width: float) -> Look:
    """How distances err a width away from points [n, 3] that ought to be on the surface."""
    seen = look_from_both_sides(query, feet, normals, width)
    excess = (0.5 * seen.sum - width)[seen.opposed]
    if not len(excess):
        return Look(width, 0.0, _FLAT * width)
    floor = float(np.median(excess))
    return Look(width, floor, max(_FLAT * width, float(np.quantile(np.abs(excess - floor), _MOST))))


def steadied(
    query: Query, points: np.ndarray, distances: np.ndarray, normals: np.ndarray, look: Look
) -> tuple[np.ndarray, np.ndarray]:
    """Distances [n] and unit gradients [n, 3] of points [n, 3], those too close told from both sides.

    Args:
        query: of the field as it is.
        points: anywhere.
        distances: that the field says there.
        normals: the gradients that it says there.
        look: from how far.
    """
    close = np.flatnonzero(distances < look.width + look.floor)
    if not len(close):
        return distances, normals
    seen = look_from_both_sides(query, points[close], normals[close], look.width)
    excess = 0.5 * seen.sum - look.width - look.floor
    apart = look.width + np.maximum(0.0, excess - look.spread)
    beyond = np.sqrt(
        (apart - look.width) * (apart + look.width)
    )  # a border's distance, seen from a width beside it
    distance = np.hypot(seen.height, beyond)
    towards = seen.height[:, None] * seen.axis + beyond[:, None] * _unit(seen.along, 0.0 * seen.along)
    told = seen.opposed
    distances, normals = distances.copy(), normals.copy()
    distances[close[told]] = distance[told]
    normals[close[told]] = _unit(towards, seen.axis)[told]
    return distances, normals


def _unit(vectors: np.ndarray, otherwise: np.ndarray) -> np.ndarray:
    """Vectors [n, 3] of length one, others where they are 0."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.where(length > 1e-9, vectors / np.maximum(length, 1e-9), otherwise)
