"""Pixels of a step, drawn evenly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np

from neurfield.parts import Number
from neurfield.scenes import Cameras

Count = Annotated[int, Number(least=1)]


@dataclass(frozen=True)
class Chosen:
    """R pixels of a scene.

    Attributes:
        camera: [R] int64.
        row: [R] int64.
        column: [R] int64.
        group: [R] int64, which of the step's images.
        groups: how many images the step has.
    """

    camera: np.ndarray
    row: np.ndarray
    column: np.ndarray
    group: np.ndarray
    groups: int


class Uniform:
    """Evenly drawn pixels of a few images at a time; images come in rounds of all of them, shuffled.

    The same step and number of rays give the same pixels.

    Args:
        cameras: to draw from.
        seed: of the fit.
        images_per_step: images that a step's pixels are of.
    """

    def __init__(self, cameras: Cameras, seed: int, *, images_per_step: Count = 16) -> None:
        self.cameras, self.seed = cameras, seed
        self.per_step = min(images_per_step, len(cameras))

    def choose(self, step: int, rays: int) -> Chosen:
        """About `rays` pixels for a step: the same number from each of its images."""
        camera = np.repeat(self._images_of(step), max(1, rays // self.per_step))
        group = np.repeat(np.arange(self.per_step), len(camera) // self.per_step)
        random = np.random.default_rng([self.seed, 7, step])
        column = (random.random(len(camera)) * self.cameras.width[camera]).astype(np.int64)
        row = (random.random(len(camera)) * self.cameras.height[camera]).astype(np.int64)
        return Chosen(camera, row, column, group, self.per_step)

    def _images_of(self, step: int) -> np.ndarray:
        """Of a step: rounds of shuffled images, dealt out a handful at a time."""
        total = len(self.cameras)
        positions = np.arange(step * self.per_step, (step + 1) * self.per_step)
        rounds = {
            r: np.random.default_rng([self.seed, 3, int(r)]).permutation(total)
            for r in np.unique(positions // total)
        }
        return np.array([rounds[p // total][p % total] for p in positions])
