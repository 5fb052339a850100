"""Points of a cloud that lie off any surface: lonelier than others, and in no plane with their neighbours."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from neurfield.shapes.estimate import threads

_NEIGHBOURS = 8  # that tell how far points lie apart
_AROUND = 16  # that tell whether they lie in a plane
_SPARSE = 2.5  # times the median of how far points lie apart
_FLAT = 0.25  # a surface is thinner than this part of its breadth
_EVEN = 8.0  # times as dense as if spread over the whole box: what is denser is a part of the scene
_BOX = 0.02  # quantile of coordinates at which that box begins
_THIN = 0.1  # of its longest side, the others are at least: what lies around a plane fills some room, too
_APART = 4.0  # of the radius of its neighbours, from which on a point is off the surface
_BESIDE = 2.0  # of it, from which on one is that lies high above them
_HIGH = 5.0  # their deviations off their plane
_BROAD = 0.05  # of the variance along that plane, the least across: else they lie on a line, and in no plane
_DENSER = 0.25  # quantile of these radii: beside a surface some of the neighbours lie on it
_ROUNDS = 5  # what lies behind points that were left out is seen once they are
_MOST = 1.0 / 3.0  # of all points: a cloud of which more seems to be off has no surface that could be told
_LARGEST = 5_000_000  # points: more would take minutes


def outliers(points: np.ndarray) -> np.ndarray:
    """Which points [N, 3] lie off the surface that the others lie on, bool [N].

    First those that lie several times as far apart as the cloud's points do, fill space instead of a plane as
    most of their neighbours do, and are spread over the whole: a crown of leaves is none of them. Then those
    whose nearest eight are several times as far as those of their neighbours are: local outlier factors
    (Breunig, Kriegel, Ng, Sander: LOF, 2000), of neighbours that lie densely; fewer times where they lie far
    off the plane of these. Of them, points that lie in planes or lines with each other are kept, as a thin
    part beside a densely scanned one. So density may change along a surface as it likes, and what is closer
    beside one is noise. Of fewer than 33 points, and of more than five million, none is looked at.

    Args:
        points: float64, distinct, any unit, anywhere.
    """
    none = np.zeros(len(points), dtype=bool)
    if not 2 * _AROUND < len(points) <= _LARGEST:
        return none
    points = points - points.mean(axis=0)
    distance, index = _nearest(points)
    off = _spread(points, distance[:, _NEIGHBOURS], index)
    apart, rows = none.copy(), np.arange(len(points))
    for k in range(_ROUNDS):
        if k or off.any():
            rows = np.flatnonzero(~off & ~apart)
            if len(rows) < (1.0 - _MOST) * len(points):
                return none
            distance, index = _nearest(points[rows])
        found = _apart(points[rows], distance[:, _NEIGHBOURS], index)
        if not found.any():
            break
        apart[rows[found]] = True
    rows = np.flatnonzero(apart)
    if len(rows) > 2 * _AROUND:
        rows = rows[~_in_plane(points[rows][_nearest(points[rows])[1]])]
    off[rows] = True
    return off if off.sum() <= _MOST * len(points) else none


def _spread(points: np.ndarray, radius: np.ndarray, index: np.ndarray) -> np.ndarray:
    """Points that are sparse, fill space among others that do, and are about as dense everywhere."""
    sparse = np.flatnonzero(radius > _SPARSE * np.median(radius))
    filling = np.zeros(len(points), dtype=bool)
    filling[sparse] = ~_in_plane(points[index[sparse]])
    off = filling & (filling[index[:, 1:]].mean(axis=1) > 0.5)
    if not off.any():
        return off
    low, high = np.quantile(points, [_BOX, 1.0 - _BOX], axis=0)
    volume = np.prod(np.maximum(high - low, _THIN * (high - low).max()))
    densest = _EVEN * off.sum() / max(float(volume), 1e-300)
    return off & (densest * 4.0 / 3.0 * np.pi * radius**3 > _NEIGHBOURS)


def _apart(points: np.ndarray, radius: np.ndarray, index: np.ndarray) -> np.ndarray:
    """Points that are lonelier than their neighbours, or less so, but off their plane."""
    alone = radius / np.maximum(np.quantile(radius[index[:, 1:]], _DENSER, axis=1), 1e-300)
    off = alone > _APART
    beside = np.flatnonzero((alone > _BESIDE) & ~off)
    around = points[index[beside, 1:]]
    middle = around.mean(axis=1)
    offset = around - middle[:, None]
    variance, axes = np.linalg.eigh(np.einsum("nki,nkj->nij", offset, offset) / (around.shape[1] - 3))
    height = np.abs(np.einsum("ni,ni->n", points[beside] - middle, axes[:, :, 0]))
    plane = variance[:, 1] > _BROAD * variance[:, 2]
    off[beside] = plane & (height > _HIGH * np.sqrt(np.maximum(variance[:, 0], 0.0)))
    return off


def _nearest(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distances and indices [N, k + 1] of the nearest points, each itself first."""
    return cKDTree(points).query(points, _AROUND + 1, workers=threads())


def _in_plane(around: np.ndarray) -> np.ndarray:
    """Which sets of points [N, k, 3] lie in a plane or along a line, bool [N]."""
    around = around - around.mean(axis=1, keepdims=True)
    variance = np.linalg.eigvalsh(np.einsum("nki,nkj->nij", around, around))
    return variance[:, 0] < _FLAT**2 * variance[:, 1:].mean(axis=1)
