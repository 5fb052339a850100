"""A plane through a field as a picture: two sides, two colours; lines of equal distance; the surface dark."""

from __future__ import annotations

import numpy as np

from neurfield.viewer.palettes import Scale

# Which axes run along a picture's columns and rows, and which way rows go: up is up.
_COLUMNS = (1, 0, 0)
_ROWS = (2, 2, 1)
_LINES = 10  # of equal distance from zero to the scale's end
_THIN, _THICK = 0.6, 1.4  # pixels, half of a line
_DARK = np.array([28.0, 26.0, 30.0])


def plane_points(box: np.ndarray, axis: int, offset: float, resolution: int) -> tuple[np.ndarray, np.ndarray]:
    """Places [h, w, 3] of a plane's pixels, and its corners [4, 3] as `Pictures` has them.

    Args:
        box: [2, 3] that the plane lies in.
        axis: 0, 1, 2, that stays.
        offset: where; brought into the box.
        resolution: pixels along the longer side.
    """
    across, down = _COLUMNS[axis], _ROWS[axis]
    sides = np.ptp(box, axis=0)
    pixel = max(sides[across], sides[down]) / resolution
    width, height = (max(2, int(np.ceil(sides[k] / pixel - 1e-6))) for k in (across, down))
    places = np.empty((height, width, 3))
    places[..., axis] = stays = float(np.clip(offset, box[0][axis], box[1][axis]))
    places[..., across] = box[0][across] + (np.arange(width) + 0.5) / width * sides[across]
    places[..., down] = (box[1][down] - (np.arange(height) + 0.5) / height * sides[down])[:, None]
    quad = np.empty((4, 3))
    quad[:, axis] = stays
    quad[:, across] = box[[0, 1, 1, 0], across]
    quad[:, down] = box[[1, 1, 0, 0], down]
    return places, quad


def drawn_slice(values: np.ndarray, scale: Scale) -> np.ndarray:
    """Values [h, w] of a field as a picture uint8 [h, w, 3]; grey where they are NaN."""
    color = scale.colors(values).astype(float)
    slope = np.hypot(*np.gradient(values)) + 1e-30  # change from pixel to pixel
    step = scale.high / _LINES
    beside = np.abs((values / step + 0.5) % 1.0 - 0.5) * step / slope
    thin = np.clip(_THIN + 0.5 - beside, 0.0, 1.0) * (np.abs(values) < scale.high) * 0.28
    # Where no sign changes at the surface, the line has to be as wide as distances near it err.
    thick = np.clip(_THICK + 0.5 - np.abs(values) / slope, 0.0, 1.0)
    dark = np.nan_to_num(np.maximum(thin, thick))[..., None]
    return (color * (1.0 - dark) + _DARK * dark + 0.5).astype(np.uint8)
