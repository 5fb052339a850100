"""Where the kernels of a radial basis go, and how wide they are: weighted k-means over samples of the signal.

NeuRBF (Chen et al., ICCV 2023), Sec. 3.3: kernels gather where the signal is hard. `place_kernels` does it
for any points and weights; `image_samples`, `distance_field_samples` and `radiance_samples` make these.

k-means itself is ten steps of Lloyd's around a lookup of the nearest centres. SciPy's `kmeans2` takes no
weights and compares every point with every centre, as scikit-learn's does: 2 million points with 160 000
centres would be 3e11 distances a step, where the tree takes about a second.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from neurfield.ops.kernel_lookup import KernelLookup

__all__ = [
    "distance_field_samples",
    "image_samples",
    "isotropic_shapes",
    "place_kernels",
    "radiance_samples",
    "spread_kernels",
]

# q at which a kernel has fallen to a half (of |u_i| for the tent, squared).
_HALF = {
    "inverse_quadratic": 1.0,
    "gaussian": 2.0 * math.log(2.0),
    "inverse_multiquadric": 3.0,
    "markov": math.log(2.0) ** 2,
    "tent": 0.25,
}
_ALPHA = 0.5  # a kernel is 1 / sqrt(alpha) times as wide as its cluster
_ITERATIONS = 10
_LLOYD_POINTS = 1 << 21  # points that k-means works on; the widths are taken from the same
_MIN_ASPECT = 5e-4  # the narrow variance over the wide one: a correlation of 0.999, as published
_FLAT_WEIGHT = 1e-2  # of the mean weight: what a flat part of an image counts for


def place_kernels(
    points: Tensor,
    weights: Tensor,
    count: int,
    seed: int = 0,
    kernel: str = "inverse_quadratic",
) -> tuple[Tensor, Tensor]:
    """Places and widths of kernels for a signal sampled at points, by weighted k-means.

    Centres start at points drawn in proportion to their weights, and are moved by ten steps of weighted
    k-means. Shapes are upper triangular factors, row after row, of the inverse covariance of each cluster,
    scaled so that the kernel is 1/2 at the cluster's width over sqrt(0.5). Of more than two million points a
    part is drawn by weight first. Unlike the published code, which clips entries of the covariance, its
    principal variances are clipped (to between 1/200 of the kernels' mean spacing and 1/10 of the points'
    range, squared, and to aspects of 45), which leaves it positive definite in any dimension.

    Args:
        points: [N, d], d = 2 to 4.
        weights: [N], how much each point asks for kernels; not negative.
        count: number of kernels.
        seed: of the draws.
        kernel: as for `radial_basis_encode`.

    Returns:
        centres [count, d] and shapes [count, d (d + 1) / 2].

    Raises:
        ValueError: shapes do not fit, weights are negative or not finite, or too few points have any.
    """
    if points.ndim != 2 or not 2 <= points.shape[1] <= 4:
        raise ValueError(f"place_kernels: points must be [N, 2 to 4], got {list(points.shape)}")
    if weights.shape != points.shape[:1]:
        raise ValueError(
            f"place_kernels: weights must be [{len(points)}], one a point, got {list(weights.shape)}"
        )
    if kernel not in _HALF:
        raise ValueError(f"place_kernels: kernel must be one of {', '.join(_HALF)}, got {kernel!r}")
    random = np.random.default_rng(seed)
    positions = points.detach().cpu().numpy()
    amounts = weights.detach().cpu().double().numpy()
    if len(amounts) and not (np.isfinite(amounts).all() and amounts.min() >= 0.0):
        bad = int(np.flatnonzero(~(np.isfinite(amounts) & (amounts >= 0.0)))[0])
        raise ValueError(
            f"place_kernels: weights must be finite and not negative, got weights[{bad}] = {amounts[bad]}"
        )
    heavy = int((amounts > 0.0).sum())
    if not 1 <= count <= heavy:
        raise ValueError(
            f"place_kernels: count must be 1 to {heavy}, as many points weigh more than 0, got {count}"
        )
    positions, amounts = _thinned(positions, amounts, max(_LLOYD_POINTS, 4 * count), random)
    amounts /= amounts.mean()
    # Exponential clocks: the first `count` to ring are a draw in proportion to the weights, none twice.
    rings = random.exponential(size=len(amounts)) / amounts
    centres = positions[np.argpartition(rings, count - 1)[:count]].astype(np.float32)

    owned = torch.from_numpy(np.ascontiguousarray(positions, dtype=np.float32))
    for _ in range(_ITERATIONS):
        nearest = _nearest(owned, centres)
        mass = np.bincount(nearest, amounts, count)
        for axis in range(positions.shape[1]):
            total = np.bincount(nearest, amounts * positions[:, axis], count)
            # An empty cluster keeps its centre.
            centres[:, axis] = np.where(mass > 0.0, total / np.where(mass > 0.0, mass, 1.0), centres[:, axis])
    covariances = _covariances(positions, amounts, centres, _nearest(owned, centres))
    width = float(np.ptp(positions, axis=0).max()) or 1.0  # a single place has no width
    least = (width * count ** (-1.0 / positions.shape[1]) / 200.0) ** 2
    shapes = _factors(covariances, least, (width / 10.0) ** 2, kernel)
    return torch.from_numpy(centres), torch.from_numpy(shapes)


def image_samples(image: Tensor) -> tuple[Tensor, Tensor]:
    """Points [H * W, 2] and weights [H * W] of an image [H, W] or [H, W, C]: its gradient's length.

    Points are pixel centres, (column + 0.5) / W and (row + 0.5) / H. Gradients are Sobel's, summed over
    channels as squares; flat parts count a hundredth of the mean instead of nothing, so that they get
    kernels too.
    """
    from scipy.ndimage import sobel

    if image.ndim not in (2, 3) or 0 in image.shape:
        raise ValueError(f"image_samples: image must be [H, W] or [H, W, C], got {list(image.shape)}")
    pixels = image.detach().cpu().float().numpy().reshape(*image.shape[:2], -1)
    height, width = pixels.shape[:2]
    squares = np.zeros((height, width), np.float32)
    for channel in range(pixels.shape[2]):
        plane = np.ascontiguousarray(pixels[:, :, channel])
        for axis in (0, 1):
            squares += sobel(plane, axis=axis) ** 2
    weights = np.sqrt(squares)
    mean = float(weights.mean(dtype=np.float64))
    weights += _FLAT_WEIGHT * mean if mean > 0.0 else 1.0
    points = np.empty((height, width, 2), np.float32)
    points[:, :, 0] = (np.arange(width, dtype=np.float32) + 0.5) / width
    points[:, :, 1] = ((np.arange(height, dtype=np.float32) + 0.5) / height)[:, None]
    return torch.from_numpy(points.reshape(-1, 2)), torch.from_numpy(weights.reshape(-1))


def distance_field_samples(points: Tensor, distances: Tensor, epsilon: float = 1e-3) -> tuple[Tensor, Tensor]:
    """Points [N, d] as they are, and weights [N] 1 / (|distance| + epsilon): kernels gather at the surface.

    `epsilon` is a distance in the points' unit (the published 1e-9 lets single points on the surface
    outweigh all others).
    """
    if distances.shape != points.shape[:1]:
        raise ValueError(
            f"distance_field_samples: distances must be [{len(points)}], got {list(distances.shape)}"
        )
    return points, 1.0 / (distances.detach().abs() + epsilon)


def radiance_samples(points: Tensor, opacity: Tensor, feature_gradient: Tensor) -> tuple[Tensor, Tensor]:
    """Points [N, d] as they are, and weights [N]: opacity times the length of the features' gradient.

    The opacity is [N], the gradient [N, ...]. Both come from a quickly fitted radiance field, on a lattice or
    at samples of rays.
    """
    if opacity.shape != points.shape[:1] or feature_gradient.shape[:1] != points.shape[:1]:
        raise ValueError(
            f"radiance_samples: opacity must be [{len(points)}] and feature_gradient [{len(points)}, ...], "
            f"got {list(opacity.shape)} and {list(feature_gradient.shape)}"
        )
    return points, opacity.detach() * feature_gradient.detach().reshape(len(points), -1).norm(dim=1)


def spread_kernels(
    count: int, dimensions: int, seed: int = 0, kernel: str = "inverse_quadratic"
) -> tuple[Tensor, Tensor]:
    """Centres and isotropic shapes spread evenly over [0, 1]^d, for a signal of which nothing is known.

    The additive sequence of the generalised golden ratio (Roberts 2018), shifted by the seed.
    """
    ratio = 2.0
    for _ in range(64):
        ratio = (1.0 + ratio) ** (1.0 / (dimensions + 1))
    steps = ratio ** -(np.arange(dimensions) + 1.0)
    start = np.random.default_rng(seed).random(dimensions)
    centres = (start + np.arange(count)[:, None] * steps) % 1.0
    spacing = np.full(count, count ** (-1.0 / dimensions))
    return torch.from_numpy(centres.astype(np.float32)), isotropic_shapes(
        torch.from_numpy(spacing), dimensions, kernel
    )


def isotropic_shapes(spacing: Tensor, dimensions: int, kernel: str = "inverse_quadratic") -> Tensor:
    """Shapes [M, d (d + 1) / 2] of round kernels, for cubic clusters of side `spacing` [M].

    They are what `place_kernels` gives to such clusters.
    """
    scale = (
        _HALF[kernel] * _ALPHA * 12.0
    ) ** 0.5 / spacing.double()  # a cube's variance is a twelfth along an axis
    shapes = torch.zeros(len(spacing), dimensions * (dimensions + 1) // 2)
    diagonal = np.cumsum([0, *range(dimensions, 1, -1)])
    shapes[:, diagonal] = scale.float()[:, None]
    return shapes


def _thinned(
    positions: np.ndarray, amounts: np.ndarray, most: int, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """The points that weigh anything, or `most` draws of them by weight; who is drawn twice counts double."""
    heavy = np.flatnonzero(amounts > 0.0)
    if len(heavy) <= most:
        return positions[heavy], amounts[heavy]
    running = np.cumsum(amounts[heavy])
    marks = (np.arange(most) + random.random(most)) * (running[-1] / most)
    drawn, times = np.unique(np.minimum(np.searchsorted(running, marks), len(heavy) - 1), return_counts=True)
    return positions[heavy[drawn]], times.astype(np.float64)


def _nearest(points: Tensor, centres: np.ndarray) -> np.ndarray:
    return KernelLookup(torch.from_numpy(centres)).nearest(points, 1)[:, 0].numpy()


def _covariances(
    positions: np.ndarray, amounts: np.ndarray, centres: np.ndarray, nearest: np.ndarray
) -> np.ndarray:
    """[count, d, d]: weighted means of delta delta^T around the centres, zero where nothing is."""
    count, d = centres.shape
    mass = np.bincount(nearest, amounts, count)
    mass[mass == 0.0] = 1.0
    delta = positions.astype(np.float64) - centres[nearest]
    result = np.empty((count, d, d))
    for i in range(d):
        for j in range(i, d):
            total = np.bincount(nearest, amounts * delta[:, i] * delta[:, j], count)
            result[:, i, j] = result[:, j, i] = total / mass
    return result


def _factors(covariances: np.ndarray, least: float, most: float, kernel: str) -> np.ndarray:
    """Upper triangles U, row after row, with U^T U the inverse of the widened and clipped covariances."""
    variances, axes = np.linalg.eigh(covariances / _ALPHA)
    variances = np.clip(variances, least, most)
    variances = np.maximum(variances, _MIN_ASPECT * variances.max(axis=1, keepdims=True))
    inverse = (axes * (_HALF[kernel] / variances)[:, None, :]) @ axes.transpose(0, 2, 1)
    upper = np.linalg.cholesky(inverse).transpose(0, 2, 1)
    rows, columns = np.triu_indices(covariances.shape[1])
    return np.ascontiguousarray(upper[:, rows, columns], dtype=np.float32)
