"""How bright the pictures show points of the true surface, and with how much contrast.

Luminance is that of the file's numbers, as a fit compares them: 0.2126 R + 0.7152 G + 0.0722 B in 0..1, not
linear light. Contrast is its deviation in a window as wide as what counts as thin in these rooms' pictures
(1.5 % of the width). Both are means over the views that see a point, or are of a pixel of one picture.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import uniform_filter

from neurfield.evaluation.culling import Visibility, in_picture
from neurfield.scenes.scene import Scene

WEIGHTS = np.array([0.2126, 0.7152, 0.0722])  # Rec. 709
WINDOW = 0.015  # of a picture's width
SHARE = 0.1  # of the points, or pixels, that count as dark, and as of low contrast


@dataclass(frozen=True)
class Shades:
    """How pictures show K points or pixels.

    Attributes:
        luminance: [K] in 0..1; NaN where no picture shows them.
        contrast: [K] in 0..0.5, likewise.
    """

    luminance: np.ndarray
    contrast: np.ndarray

    def dark(self) -> np.ndarray:
        """The darkest tenth of those that are shown, bool [K]."""
        return lowest(self.luminance)

    def bright(self) -> np.ndarray:
        """The brightest tenth of those that are shown, bool [K]."""
        return lowest(-self.luminance)

    def low_contrast(self) -> np.ndarray:
        """The tenth of the least contrast of those that are shown, bool [K]."""
        return lowest(self.contrast)


def lowest(values: np.ndarray, share: float = SHARE) -> np.ndarray:
    """Where values [K] are within the lowest share of those that are no NaN: bool [K]."""
    known = ~np.isnan(values)
    if not known.any():
        return known
    with np.errstate(invalid="ignore"):
        return known & (values <= np.quantile(values[known], share))


def shades_of_picture(rgb: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Luminance and contrast [h,w] of a picture [h,w,3] uint8."""
    luminance = rgb.astype(np.float64) @ (WEIGHTS / 255.0)
    size = max(3, round(WINDOW * rgb.shape[1]) | 1)
    mean = uniform_filter(luminance, size=size, mode="nearest")
    square = uniform_filter(luminance * luminance, size=size, mode="nearest")
    return luminance, np.sqrt(np.maximum(square - mean * mean, 0.0))


def shades_of_points(scene: Scene, points: np.ndarray, visible: Visibility) -> Shades:
    """Means over the scene's pictures of points [k,3] of its true surface.

    Args:
        scene: with its pictures.
        points: on the surface.
        visible: of that surface, by the scene's cameras.
    """
    sums, views = np.zeros((2, len(points))), np.zeros(len(points))
    for i in range(len(scene)):
        rows = np.flatnonzero(in_picture(scene.cameras, i, points))
        rows = rows[visible.seen_from(i, points[rows])]
        uv, _ = scene.cameras.project(i, points[rows])
        column, row = np.floor(uv).astype(np.int64).T
        for total, picture in zip(sums, shades_of_picture(scene.image(i))):
            total[rows] += picture[row, column]
        views[rows] += 1
    with np.errstate(invalid="ignore"):
        return Shades(*(sums / views))
