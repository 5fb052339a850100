"""Points of a noisy cloud, moved onto the surface that they lie around."""

from __future__ import annotations

import numpy as np

from neurfield.shapes.estimate import local_planes
from neurfield.shapes.planes import Planes, alike, mean_plane

_NOISY = 0.3  # spacings: noise beyond which points are moved
_WIDTHS = (1.0, 1.4, 2.0, 2.8, 4.0, 5.6)  # spacings over which planes may be averaged
_WITHIN = 1.7  # widths around a point within which neighbours count
_DENSE = 1.5  # deviations of the noise: what lies closer together tells too little more for its time
_LOOKED_AT = 4096  # points whose errors choose the width
_MOVES = 3  # a point far off counts itself, and its like, for more than they should, until it has moved
_ALIKE = 0.8  # the difference of normals at which a neighbour counts e-fold less: edges stay
_FLATTER = 8.0 / 9.0  # the part of a height's square that counts for no distance: noise is no distance
_PLANE = 12  # neighbours of a plane through points without noise
_ROUNDS = 2  # in which points are moved by normals that were found, and normals found of moved points
_BATCH = 1 << 14  # points at a time


def planes_of(
    points: np.ndarray, normals: np.ndarray, noise: float, turned: bool = True, found: bool = False
) -> Planes:
    """Planes through points [N, 3]; where these are noisy, moved onto the mean of the planes around them.

    Args:
        points: float64 [N, 3].
        normals: [N, 3] units.
        noise: deviation of the points off the surface.
        turned: whether normals say which side is outside.
        found: whether normals are those of planes through the noisy points: they are then found again once
            the points are moved, of fewer neighbours, and the noisy points moved by them.
    """
    planes = Planes(points, normals, turned)
    spacing = float(np.median(planes.spacing))
    if noise <= _NOISY * spacing:
        return planes
    some = np.random.default_rng(0).permutation(len(points))
    some = some[: max(1, int((_DENSE * spacing / noise) ** 2 * len(points)))]
    for _ in range(_ROUNDS if found else 1):
        around = Planes(points[some], normals[some], turned)
        places, smooth = moved(points, normals, around, best_width(around))
        if found:
            normals = smooth = alike(local_planes(places, _PLANE)[0][:, None], smooth)[:, 0]
    return Planes(places, smooth, turned)


def best_width(planes: Planes, seed: int = 0) -> float:
    """The width at which the points around a point tell best where it lies (leave-one-out).

    What a point lies off the mean of the others is its own noise, which no width changes, and the error of
    that mean: of narrow ones their noise, of wide ones what the surface does within them. So neither noise
    nor detail has to be known, only the points.

    Source: Wahba and Wold, A Completely Automatic French Curve, 1975.

    Args:
        planes: of the noisy points.
        seed: of the points that are looked at.
    """
    chosen = np.random.default_rng(seed).permutation(len(planes.points))[:_LOOKED_AT]
    points, normals = planes.points[chosen], planes.normals[chosen]
    widths = float(np.median(planes.spacing)) * np.array(_WIDTHS)
    _, row = planes.nearest(points, _count(planes, widths[-1]) + 1)
    errors = []
    for width in widths:
        places, _ = _onto_the_mean(points, normals, planes, row[:, 1:], width)  # the nearest is itself
        errors.append(float(np.linalg.norm(places - points, axis=1).mean()))
    least, between = int(np.argmin(errors)), 0.0
    if 0 < least < len(widths) - 1:  # the lowest place of a parabola: what is flat there jumps no further
        before, at, after = errors[least - 1 : least + 2]
        between = 0.5 * (before - after) / max(before - 2.0 * at + after, 1e-300)
    return float(widths[least] * (_WIDTHS[1] / _WIDTHS[0]) ** between)


def moved(
    points: np.ndarray, normals: np.ndarray, around: Planes, width: float
) -> tuple[np.ndarray, np.ndarray]:
    """Points [N, 3] on the mean of the planes around them, and its normals [N, 3].

    Planes are weighted by a Gaussian of the distance. Those whose normals differ count less, so that edges
    stay and the other side of a thin plate counts for nothing (Oeztireli, Guennebaud, Gross: Feature
    Preserving Point Set Surfaces based on Non-Linear Kernel Regression, 2009, section 4).

    Args:
        points: [N, 3].
        normals: [N, 3] units.
        around: the planes that are averaged.
        width: of the Gaussian.
    """
    _, row = around.nearest(points, _count(around, width))
    return _onto_the_mean(points, normals, around, row, width)


def _count(planes: Planes, width: float) -> int:
    """How many points lie around a point of the surface and count."""
    return int(np.ceil(np.pi * (_WITHIN * width / float(np.median(planes.spacing))) ** 2))


def _onto_the_mean(
    points: np.ndarray, normals: np.ndarray, planes: Planes, row: np.ndarray, width: float
) -> tuple[np.ndarray, np.ndarray]:
    """Places [P, 3] of points [P, 3], moved by the planes in rows [P, K], and the mean's normals there."""
    places, normals = points.copy(), normals.copy()
    for start in range(0, len(places), _BATCH):
        part = slice(start, start + _BATCH)
        near, across = planes.points[row[part]], planes.normals[row[part]]
        for _ in range(_MOVES):
            if not planes.turned:
                across = alike(across, normals[part])
            offset = places[part][:, None] - near
            rise = np.einsum("nkd,nd->nk", offset, normals[part])
            apart = (np.einsum("nkd,nkd->nk", offset, offset) - _FLATTER * rise**2) / width**2
            differ = 2.0 - 2.0 * np.einsum("nkd,nd->nk", across, normals[part])
            weight = np.exp(-apart - differ / _ALIKE**2) + 1e-300
            height, normals[part] = mean_plane(offset, across, weight)
            places[part] -= height[:, None] * normals[part]
    return places, normals
