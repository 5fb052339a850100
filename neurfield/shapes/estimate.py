"""What a raw cloud tells of itself: how dense it is, how noisy, and a plane at each point."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy.spatial import cKDTree

from neurfield.errors import UserError

_COUNTS = (
    16,
    24,
    32,
    48,
    64,
    96,
    128,
    192,
    256,
    384,
)  # neighbours: scales from one grain to a part of the shape
_THINNED = (20_000, 4_000)  # points, for scales that would take too many neighbours of the whole cloud
_LOOKED_AT = 1_000  # points whose surroundings stand for all
_FLAT = 0.3  # a surrounding thicker than this part of its breadth is no piece of a surface
_BATCH = 1 << 16  # points whose neighbours are in memory at a time
LEAST_POINTS = 4


@dataclass(frozen=True)
class CloudScale:
    """Lengths that a cloud shows, in its own unit.

    Attributes:
        spacing: from a point to the next, the median.
        noise: deviation of points off the surface.
        reach: radius of the smallest surroundings that are about as flat as any: what normals are best
            fitted to.
    """

    spacing: float
    noise: float
    reach: float


def check_points(points: np.ndarray, what: str = "the cloud") -> np.ndarray:
    """Points as float64 [N, 3], at least four of them, and finite.

    Raises:
        UserError: they are not; says what and how many.
    """
    points = np.asarray(points, dtype=np.float64)
    if points.ndim != 2 or points.shape[1] != 3:
        raise UserError(f"{what}: points must be [N, 3], got {list(points.shape)}")
    wrong = ~np.isfinite(points).all(axis=1)
    if wrong.any():
        raise UserError(
            f"{what}: {int(wrong.sum()):,} of {len(points):,} points are not finite, the first is number "
            f"{int(wrong.argmax())}: leave them out"
        )
    if len(points) < LEAST_POINTS:
        raise UserError(f"{what}: holds {len(points)} points, a surface needs at least {LEAST_POINTS}")
    return points


def distinct_points(points: np.ndarray, what: str = "the cloud") -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points [n, 3] of which none is there twice, indices [n] of one of each, and where each went [N].

    Args:
        points: [N, 3], as `check_points` gives them.
        what: they are called.

    Raises:
        UserError: fewer than four are left.
    """
    distinct, first, back = np.unique(points, axis=0, return_index=True, return_inverse=True)
    if len(distinct) == 1:
        raise UserError(f"{what}: all {len(points):,} points lie in one place, there is no surface in it")
    if len(distinct) < LEAST_POINTS:
        raise UserError(
            f"{what}: {len(points):,} points lie in {len(distinct)} places, "
            f"a surface needs at least {LEAST_POINTS}"
        )
    return distinct, first, back.reshape(-1)


def cloud_scale(points: np.ndarray, seed: int = 0) -> CloudScale:
    """How dense and how noisy a cloud is, from the flatness of surroundings of many sizes.

    The least variance of a surrounding of radius R is that of the noise plus what the surface bends, which
    grows as R^4, while its breadth grows as R^2. So their ratio has a least value at some size; a little
    below that size the variance is nearly the noise's alone. Large surroundings are looked at in a thinned
    cloud. As two close sheets seem flat again when seen as one, the first such size counts. Medians over
    1000 points.

    Args:
        points: [N, 3], distinct, any unit.
        seed: of the choice of points that are looked at.
    """
    random = np.random.default_rng(seed)
    rows = []
    for size in (len(points), *_THINNED):
        if size > len(points):
            continue
        cloud = points if size == len(points) else points[random.permutation(len(points))[:size]]
        places = cloud[random.permutation(len(cloud))[:_LOOKED_AT]]
        distance, index = cKDTree(cloud).query(places, min(_COUNTS[-1], len(cloud)), workers=threads())
        if size == len(points):
            spacing = float(np.median(distance[:, 1]))
        around = cloud[index] - places[:, None]
        for count in [k for k in _COUNTS if k <= len(cloud)] or [len(cloud)]:
            variance = np.linalg.eigvalsh(_covariances(around[:, :count]))
            thickness = max(float(np.median(variance[:, 0])), 0.0)
            thickness *= count / max(count - 3, 1)  # a plane takes three of them up
            rows.append((distance[:, count - 1].mean(), thickness, np.median(variance[:, 1:].mean(1))))
    radius, thick, breadth = np.array(sorted(rows)).T
    ratio = thick / np.maximum(breadth, 1e-300)
    least = [ratio[(radius >= r) & (radius <= 2.0 * r)].min() for r in radius]
    first = np.nonzero((ratio <= least) & (ratio < _FLAT))[0]
    flattest = int(first[0]) if len(first) else int(ratio.argmin())
    chosen = int(np.nonzero(ratio <= 1.5 * ratio[flattest])[0][0])
    return CloudScale(spacing, float(np.sqrt(thick[chosen])), float(radius[chosen]))


def local_planes(
    points: np.ndarray, count: int, tree: cKDTree | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The plane through the `count` nearest points of each point, by principal components.

    Source: Hoppe et al. 1992, section 3.1.

    Args:
        points: [N, 3].
        count: neighbours, the point itself among them; no more than there are points are taken.
        tree: of the points, where there is one already.

    Returns:
        Normals [N, 3] of unit length and either sign, indices [N, count] of the neighbours, and their
        distances [N, count], the nearest first.
    """
    count = min(count, len(points))
    distance, index = (tree or cKDTree(points)).query(points, count, workers=threads())
    distance, index = distance.reshape(len(points), count), index.reshape(len(points), count)
    normals = np.empty_like(points)
    for begin in range(0, len(points), _BATCH):
        part = slice(begin, begin + _BATCH)
        _, axes = np.linalg.eigh(_covariances(points[index[part]] - points[part, None]))
        normals[part] = axes[:, :, 0]
    return normals, index, distance


def threads() -> int:
    """How many threads SciPy's trees may use: as many as torch."""
    return torch.get_num_threads()


def _covariances(around: np.ndarray) -> np.ndarray:
    """[N, 3, 3] of offsets [N, k, 3]."""
    centered = around - around.mean(axis=1, keepdims=True)
    return np.einsum("nki,nkj->nij", centered, centered) / around.shape[1]
