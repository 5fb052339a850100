"""Smooth random fields over an image, which the made-up errors are cut from."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.ndimage import gaussian_filter


def smooth_noise(
    shape: tuple[int, int], scale: float, rng: np.random.Generator, channels: int = 1
) -> np.ndarray:
    """Gaussian noise, correlated over about `scale` pixels: [channels,h,w] float32, mean 0, deviation 1.

    The deviation is 1 over many fields, not within each: a slow field has a level of its own in every image.
    Made as a sum of smooth bumps of random height on a lattice with a random phase.
    """
    spacing = 0.6 * scale
    rows, columns = (_bumps(n, spacing, rng) for n in shape)
    heights = rng.standard_normal((channels, rows.shape[1], columns.shape[1]), np.float32)
    return rows @ heights @ columns.T


def _bumps(n: int, spacing: float, rng: np.random.Generator) -> np.ndarray:
    """Weights [n, knots] float32 of Gaussian bumps `spacing` pixels apart; squares of a row sum to 1."""
    knots = np.arange(-3, int(np.ceil(n / spacing)) + 4) + rng.random()
    weights = np.exp(-0.5 * np.square((np.arange(n)[:, None] / spacing - knots) / 0.8))
    return (weights / np.linalg.norm(weights, axis=1, keepdims=True)).astype(np.float32)


def blur(values: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian blur [h,w] or [h,w,c] in the image plane, borders repeated."""
    sigmas = (sigma, sigma, *([0] * (values.ndim - 2)))
    return gaussian_filter(values, sigmas, mode="nearest", truncate=3.0)


def per_segment(segment: np.ndarray, channels: int, rng: np.random.Generator) -> np.ndarray:
    """Normal random values [h,w,channels] float32, one for each segment of a segment image [h,w]."""
    # Number -1 (nothing) takes the last row.
    values = rng.standard_normal((int(segment.max()) + 2, channels)).astype(np.float32)
    return values[segment]


def solve_rising(function: Callable[[float], float], wanted: float, high: float, rounds: int = 12) -> float:
    """The x in 0..high where a rising function takes the wanted value, by bisection; else an end."""
    low = 0.0
    for _ in range(rounds):
        middle = 0.5 * (low + high)
        if function(middle) < wanted:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)
