"""DebSDF's distance along a ray as its section 3.5 writes it, sample by sample: the specification."""

from __future__ import annotations

import math

import numpy as np


def unit(vector: np.ndarray) -> np.ndarray:
    return vector / max(float(np.linalg.norm(vector)), 1e-12)


def sine(a: np.ndarray, b: np.ndarray) -> float:
    return math.sin(2.0 * math.asin(min(1.0, float(np.linalg.norm(a - b)) / 2.0)))


def distances(
    sdf: np.ndarray, gradient: np.ndarray, direction: np.ndarray, t: np.ndarray, share: np.ndarray
) -> list[float]:
    """x of the samples of one ray: sdf, t, share [N], gradient [N, 3], direction [3]."""
    found = []
    for i in range(len(t)):
        slope = float(np.linalg.norm(gradient[i]))
        n, s = gradient[i] / slope, float(sdf[i]) / slope
        c = max(min(abs(float(n @ direction)), 1.0) ** float(share[i]), 1e-3)
        radius = 1e10
        if i + 1 < len(t):
            b = unit(np.cross(n, direction))
            after = unit(gradient[i + 1])
            after = unit(after - (after @ b) * b)
            radius = (t[i + 1] - t[i]) * sine(after, direction) / max(sine(n, after), 1e-9)
            if n @ direction > after @ direction:
                radius = -radius
        a = radius - s
        square = a * a - (a + s) ** 2 * (1.0 - c * c)
        if square > 1e-9:
            x = (a + s) * c - math.copysign(math.sqrt(square), a)
        else:
            x = s / c + s * math.tan(math.acos(c))
        if (s * a <= 0.0 and abs(s) >= abs(a)) or abs(s) > abs(x) or abs(radius) > 1e3:
            x = s / c
        found.append(x)
    return found
