"""Numbers as colours: ramps that read in light and in dark, and without seeing colours."""

from __future__ import annotations

import numpy as np

# sRGB in even steps, from 0 to 1; each is darker, or lighter, than the one before.
NEAR_TO_FAR = ((255, 241, 196), (250, 186, 110), (221, 110, 92), (142, 62, 112), (70, 42, 110), (24, 24, 56))
LITTLE_TO_MUCH = ((10, 10, 20), (74, 22, 92), (160, 42, 98), (230, 92, 56), (252, 176, 64), (255, 246, 200))


def painted(values: np.ndarray, ramp: tuple[tuple[int, int, int], ...]) -> np.ndarray:
    """Values [...] in 0..1 (others are cut there) as uint8 [..., 3]."""
    at = np.clip(np.asarray(values, np.float64), 0.0, 1.0)
    stops = np.linspace(0.0, 1.0, len(ramp))
    channels = [np.interp(at, stops, [color[k] for color in ramp]) for k in range(3)]
    return np.rint(np.stack(channels, axis=-1)).astype(np.uint8)


def gradient(ramp: tuple[tuple[int, int, int], ...]) -> str:
    """A ramp as a picture in CSS, from left to right."""
    return f"linear-gradient(90deg, {', '.join(f'rgb{color}' for color in ramp)})"
