"""All pixels of a scene one after the other, each stretch of them spread over all pictures."""

from __future__ import annotations

import math

import numpy as np

from neurfield.pixels.uniform import Chosen
from neurfield.scenes import Cameras

_GOLDEN = 0.6180339887498949  # of all pixels, from one to the next: stretches of any length are spread evenly


class Walk:
    """Every pixel of every picture once, before any comes again.

    Args:
        cameras: one for each picture.
        seed: of the fit: which pixel comes first.
    """

    def __init__(self, cameras: Cameras, seed: int) -> None:
        self._width = cameras.width.astype(np.int64)
        sizes = self._width * cameras.height
        self._ends = np.cumsum(sizes)
        self._starts = self._ends - sizes
        self.total = total = int(self._ends[-1])
        self._stride = max(1, round(_GOLDEN * total))
        while math.gcd(self._stride, total) > 1:
            self._stride += 1
        self._first = int(np.random.default_rng([seed, 11]).integers(total))

    def choose(self, step: int, rays: int) -> Chosen:
        """The pixels number `step * rays` up to `(step + 1) * rays` of the walk, which goes round."""
        number = (step * rays + np.arange(rays, dtype=np.int64)) % self.total
        place = (self._first + number * self._stride) % self.total
        camera = np.searchsorted(self._ends, place, side="right")
        row, column = np.divmod(place - self._starts[camera], self._width[camera])
        return Chosen(camera, row, column, camera, len(self._ends))
