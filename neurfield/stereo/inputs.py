"""What keeps a scene from being matched, found before anything is computed."""

from __future__ import annotations

import numpy as np

from neurfield.errors import UserError
from neurfield.scenes import Scene
from neurfield.scenes.check_readings import in_one_place
from neurfield.scenes.frames import spread

_MOST_MASKS = 30
_MOST = 0.9  # share of masks, and of their borders, from which they are taken to be inverted


def check_input(scene: Scene) -> None:
    """Look at what stereo cannot do without.

    Raises:
        UserError: one frame, no pictures, cameras in one place, or masks that are inverted.
    """
    if len(scene) < 2:
        raise UserError(
            f"{scene.path}: one photo shows no depth: stereo needs two or more, from different places"
        )
    if "image" not in scene.sources:
        raise UserError(f"{scene.path}: there are no pictures: stereo needs one a frame")
    if in_one_place(scene.cameras):
        raise UserError(
            f"{scene.path}: all cameras stand in one place, and turning shows no depth: take a step between "
            "photos, or correct the poses"
        )
    if "mask" in scene.sources and scene.mask_says == "object":
        _check_masks(scene)


def _check_masks(scene: Scene) -> None:
    """Masks of an object are white in the middle and black at the border; inverted ones the reverse."""
    masked = np.flatnonzero([path is not None for path in scene.files["mask"].paths])
    inverted = 0
    chosen = masked[spread(len(masked), _MOST_MASKS)]
    for i in chosen.tolist():
        mask = scene.mask(i)
        assert mask is not None
        height, width = mask.shape
        border = np.concatenate([mask[0], mask[-1], mask[:, 0], mask[:, -1]])
        middle = mask[height // 3 : height - height // 3, width // 3 : width - width // 3]
        inverted += border.mean() > _MOST and middle.mean() < 1 - _MOST / 2
    if inverted > _MOST * len(chosen):
        raise UserError(
            f"{scene.path}: masks are white at the border and black in the middle, as if they showed what is "
            "not the object: invert them (white = the object)"
        )
