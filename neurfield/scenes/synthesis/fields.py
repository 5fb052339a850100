"""Smooth random fields over an image, which the made-up errors are cut from."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.ndimage import gaussian_filter, zoom


def smooth_noise(shape: tuple[int, int], scale: float, rng: np.random.Generator, channels: int = 1) -> np.ndarray:
    """Gaussian noise with a correlation length of about `scale` pixels: [channels,h,w] float32, mean 0, deviation 1.

    The deviation is 1 over many fields, not within each: a long field has a level of its own in every image.
    """
    # Drawn on a grid of a third of the scale and enlarged: the same field for far less filtering.
    step = max(scale / 3.0, 1.0)
    small = [int(np.ceil(n / step)) + 7 for n in shape]
    noise = rng.standard_normal((channels, *small))
    noise = gaussian_filter(noise, (0, scale / step / 2, scale / step / 2), mode="wrap")
    noise /= np.sqrt(_filter_energy(scale / step / 2))
    if step > 1:
        noise = zoom(noise, (1, step, step), order=1)
    top, left = (int(rng.integers(0, have - want + 1)) for have, want in zip(noise.shape[1:], shape))
    return noise[:, top : top + shape[0], left : left + shape[1]].astype(np.float32)


def _filter_energy(sigma: float) -> float:
    """Variance that a Gaussian filter of this sigma leaves of white noise of variance 1."""
    impulse = np.zeros((65, 65))
    impulse[32, 32] = 1.0
    return float(np.square(gaussian_filter(impulse, sigma)).sum())


def blur(values: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian blur [h,w] or [h,w,c] in the image plane, borders repeated."""
    sigmas = (sigma, sigma, *([0] * (values.ndim - 2)))
    return gaussian_filter(values, sigmas, mode="nearest", truncate=3.0)


def per_segment(segment: np.ndarray, channels: int, rng: np.random.Generator) -> np.ndarray:
    """One normal random value [h,w,channels] float32 for each segment of a segment image [h,w]."""
    _, slot = np.unique(segment, return_inverse=True)
    values = rng.standard_normal((int(slot.max()) + 1, channels)).astype(np.float32)
    return values[slot.reshape(segment.shape)]


def solve_rising(function: Callable[[float], float], wanted: float, high: float, rounds: int = 12) -> float:
    """The x in 0..high where a rising function takes the wanted value, by bisection; an end where it never does."""
    low = 0.0
    for _ in range(rounds):
        middle = 0.5 * (low + high)
        if function(middle) < wanted:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)
