"""Masks that look as if black and white were exchanged."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from neurfield.scenes.frames import Frames, spread

MOST_LOOKED_AT = 30
_MOST = 0.9  # share of masks, and of their borders, from which they are taken to be inverted


def look_inverted(masks: Iterable[np.ndarray]) -> bool:
    """Whether nearly all of some masks [h,w] are true at the border and false in the middle.

    Masks of an object are false at the border and true in the middle.
    """
    inverted = []
    for mask in masks:
        height, width = mask.shape
        border = np.concatenate([mask[0], mask[-1], mask[:, 0], mask[:, -1]])
        middle = mask[height // 3 : height - height // 3, width // 3 : width - width // 3]
        inverted.append(border.mean() > _MOST and middle.mean() < 1 - _MOST / 2)
    return bool(inverted) and float(np.mean(inverted)) > _MOST


def masks_look_inverted(frames: Frames) -> bool:
    """The same of up to thirty masks of a scene; false where it has none."""
    if "mask" not in frames.sources:
        return False
    masked = np.flatnonzero([path is not None for path in frames.files["mask"].paths])
    masks = (frames.mask(int(i)) for i in masked[spread(len(masked), MOST_LOOKED_AT)])
    return look_inverted(mask for mask in masks if mask is not None)
