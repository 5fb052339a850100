"""Texels that no face covers take the colours around them, so that no seam shows at any distance."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import binary_dilation


def grown(picture: np.ndarray, known: np.ndarray, rounds: int) -> tuple[np.ndarray, np.ndarray]:
    """A picture [h, w, c] float32 and where it is known [h, w], each chart grown by so many texels.

    A texel takes the mean of those of its eight neighbours that are known: those of its own chart, as long as
    charts are farther apart. Corners of charts lie outside of all texels' centres, and show it.
    """
    picture, known = picture.copy(), known.copy()
    for _ in range(rounds):
        row, column = np.nonzero(binary_dilation(known, np.ones((3, 3), bool)) & ~known)
        sums = np.zeros((len(row), picture.shape[2]), dtype=np.float32)
        counts = np.zeros((len(row), 1), dtype=np.float32)
        for down, right in ((i, j) for i in (-1, 0, 1) for j in (-1, 0, 1) if i or j):
            y, x = row + down, column + right
            there = (y >= 0) & (y < known.shape[0]) & (x >= 0) & (x < known.shape[1])
            there[there] = known[y[there], x[there]]
            sums[there] += picture[y[there], x[there]]
            counts[there] += 1.0
        picture[row, column] = sums / counts
        known[row, column] = True
    return picture, known


def filled(picture: np.ndarray, known: np.ndarray) -> np.ndarray:
    """A picture [h, w, c] float32 whose unknown texels are filled from the known ones nearby.

    Smaller and smaller pictures of the known texels alone; then each unknown texel takes the value of the
    next smaller picture. So mip levels, too, mix charts with nothing but their own colours.

    Args:
        picture: float32; unknown texels hold anything.
        known: bool [h, w].
    """
    if known.all() or not known.any():
        return picture
    small, some = _halved(picture, known)
    small = filled(small, some) if min(small.shape[:2]) > 1 or not some.all() else small
    h, w = known.shape
    larger = small.repeat(2, axis=0).repeat(2, axis=1)[:h, :w]
    return np.where(known[..., None], picture, larger)


def _halved(picture: np.ndarray, known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Half as large: means of the known texels of each four, and where there are any."""
    h, w = known.shape
    padding = ((0, h % 2), (0, w % 2))
    weight = np.pad(known, padding).astype(np.float32)
    values = np.pad(picture, (*padding, (0, 0))) * weight[..., None]
    sums = values.reshape(-(-h // 2), 2, -(-w // 2), 2, -1).sum(axis=(1, 3))
    counts = weight.reshape(-(-h // 2), 2, -(-w // 2), 2).sum(axis=(1, 3))
    return (sums / np.maximum(counts, 1.0)[..., None]).astype(np.float32), counts > 0
