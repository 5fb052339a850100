"""Patches of pictures: every pixel in one, alike in size, of its own picture."""

from __future__ import annotations

import numpy as np
import pytest

from neurfield.pixels import Patches
from neurfield.scenes import Cameras


def cameras(*sizes: tuple[int, int]) -> Cameras:
    width, height = np.array(sizes).T
    one = np.ones(len(sizes))
    return Cameras(np.tile(np.eye(4), (len(sizes), 1, 1)), one, one, one, one, width, height)


@pytest.mark.parametrize(
    ("size", "shape"),
    [
        ((600, 340), (45, 80)),
        ((160, 120), (60, 80)),
        ((37, 91), (80, 33)),
        ((44, 30), (30, 44)),
        ((1, 3), (3, 1)),
    ],
)
def test_patches_are_about_square_and_hold_all_pixels(size: tuple[int, int], shape: tuple[int, int]) -> None:
    patches = Patches.of(cameras(size, size))
    assert patches.shape == (2, *shape)
    row, column = np.mgrid[: size[1], : size[0]].reshape(2, -1)
    for camera in (0, 1):
        count = np.bincount(patches.at(np.full(len(row), camera), row, column), minlength=2 * np.prod(shape))
        own = count.reshape(patches.shape)[camera]
        assert own.min() > 0 and count.sum() == own.sum() == len(row)
        edge = [np.ceil(side / n) for side, n in zip(size[::-1], shape)]
        assert own.max() <= edge[0] * edge[1]


def test_pictures_of_other_sizes_have_as_many() -> None:
    patches = Patches.of(cameras((200, 100), (100, 50)))
    at = patches.at(np.array([0, 1]), np.array([98, 49]), np.array([198, 99]))
    assert patches.shape == (2, 40, 80) and at.tolist() == [3199, 6399]
