"""Texels that no face covers take the colours around them, so that no seam shows at any distance."""

from __future__ import annotations

import numpy as np


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
