"""Thin things in an image: what a network of limited resolution tends to look through."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import grey_closing

# Narrower than this part of the image's width (9 pixels of 600) counts as thin.
_THIN = 0.015
# Part of the thin pixels that is looked through.
MISSED = 0.7

Thin = tuple[np.ndarray, np.ndarray]


def thin_parts(depth: np.ndarray) -> Thin:
    """Where something narrow stands before something farther, bool [h,w], and the depth [h,w] behind it.

    A morphological closing of the depth fills whatever is nearer and narrower than its window.
    """
    window = max(3, round(_THIN * depth.shape[1]) | 1)
    behind = grey_closing(depth, size=(window, window))
    return (behind > 1.05 * depth) & (depth > 0), behind


def missed_parts(thin: np.ndarray, patches: np.ndarray) -> np.ndarray:
    """The pixels [h,w] of thin things that are looked through: MISSED of them, where patches [h,w] is low."""
    return thin & (patches < np.quantile(patches, MISSED)) if thin.any() else thin
