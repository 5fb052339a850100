"""Masks whose black and white look exchanged."""

from __future__ import annotations

import numpy as np
import pytest

from neurfield.scenes.mask_polarity import look_inverted


def masks(inside: bool, outside: bool, half: int, count: int = 10) -> list[np.ndarray]:
    """Masks [48,60] of a square of so many pixels to each side of the middle."""
    mask = np.full((48, 60), outside)
    mask[24 - half : 24 + half, 30 - half : 30 + half] = inside
    return [mask] * count


@pytest.mark.parametrize(
    ("some", "inverted"),
    [
        (masks(True, False, 16), False),
        (masks(True, False, 3), False),  # a small thing
        (masks(False, True, 16), True),
        (masks(False, True, 3), False),  # a small thing to be left out
        (masks(True, True, 9), False),
        (masks(False, False, 9), False),
        ([*masks(False, True, 16, 8), *masks(True, False, 16, 2)], False),  # not nearly all
        ([*masks(False, True, 16, 19), *masks(True, False, 16, 1)], True),
        ([], False),
    ],
)
def test_masks_that_keep_the_border_and_not_the_middle_look_inverted(some, inverted):
    assert look_inverted(some) == inverted
