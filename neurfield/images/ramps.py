"""Numbers as colours: ramps that read in light and in dark, and without seeing colours."""

from __future__ import annotations

import numpy as np

# sRGB in even steps, from 0 to 1; each is darker, or lighter, than the one before.
NEAR_TO_FAR = ((255, 241, 196), (250, 186, 110), (221, 110, 92), (142, 62, 112), (70, 42, 110), (24, 24, 56))
LITTLE_TO_MUCH = ((10, 10, 20), (74, 22, 92), (160, 42, 98), (230, 92, 56), (252, 176, 64), (255, 246, 200))


def painted(values: np.ndarray, ramp: tuple[tuple[int, int, int], ...]) -> np.ndarray:
    """Values [...] in 0..1 (others are cut there) as uint8 [..., 3]."""
    return np.rint(between(np.asarray(values, np.float64), np.array(ramp, np.float64))).astype(np.uint8)


def between(shares: np.ndarray, stops: np.ndarray) -> np.ndarray:
    """Colours [..., 3] at shares [...] (others than 0..1 are cut there) of the way through stops [k, 3]."""
    place = np.clip(shares, 0.0, 1.0) * (len(stops) - 1)
    below = np.minimum(place.astype(int), len(stops) - 2)
    part = (place - below)[..., None]
    return np.asarray(stops[below] * (1.0 - part) + stops[below + 1] * part)


def gradient(ramp: tuple[tuple[int, int, int], ...]) -> str:
    """A ramp as a picture in CSS, from left to right."""
    return f"linear-gradient(90deg, {', '.join(f'rgb{color}' for color in ramp)})"
