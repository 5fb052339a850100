"""Depth as a depth camera would measure it: noise that grows with distance, holes, and nothing at edges."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import maximum_filter, minimum_filter

from neurfield.scenes.synthesis.fields import smooth_noise

# Part of the measured pixels that is lost in holes.
HOLES = 0.02
_HOLE_SIZE = 5.0
# Neighbours whose depths differ by more than this part are an edge.
_EDGE = 0.04


def sigma(depth: np.ndarray) -> np.ndarray:
    """Standard deviation of the noise in metres at z-depth in metres: 0.0012 + 0.0019 (z - 0.4)^2.

    Source: the axial noise of the Kinect at small angles, Nguyen, Izadi and Lovell, 3DIMPVT 2012, equation 1.
    """
    return 0.0012 + 0.0019 * np.square(depth - 0.4)


def measure(
    depth: np.ndarray, normal: np.ndarray, luminance: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Noisy depth [h,w] float32 from exact depth; 0 where nothing was measured.

    Holes are blobs that come sooner where the surface is seen at a grazing angle or is dark.

    Args:
        depth: [h,w], metres, 0 = nothing.
        normal: [h,w,3], camera axes.
        luminance: [h,w] in 0..1.
    """
    noisy = depth + sigma(depth) * rng.standard_normal(depth.shape)
    valid = (depth > 0) & ~edges(depth)
    grazing = 1 - np.abs(normal[..., 2])
    proneness = smooth_noise(depth.shape, _HOLE_SIZE, rng)[0] + 1.5 * grazing**2 + 0.8 * (1 - luminance) ** 4
    if valid.any():
        valid &= proneness < np.quantile(proneness[valid], 1 - HOLES)
    return np.where(valid, noisy, 0).astype(np.float32)


def edges(depth: np.ndarray) -> np.ndarray:
    """Pixels [h,w] beside a jump in depth, on both its sides; slanted surfaces are none."""
    low, high = minimum_filter(depth, 3), maximum_filter(depth, 3)
    # On a plane 1/z is linear in the image: what a slant explains has no second difference.
    inverse = 1 / np.maximum(depth, 1e-3)
    bend = np.zeros_like(inverse)
    bend[:, 1:-1] = np.abs(inverse[:, 2:] - 2 * inverse[:, 1:-1] + inverse[:, :-2])
    bend[1:-1] = np.maximum(bend[1:-1], np.abs(inverse[2:] - 2 * inverse[1:-1] + inverse[:-2]))
    return (high - low > _EDGE * np.maximum(low, 0.1)) & (maximum_filter(bend, 3) * depth > 0.5 * _EDGE)
