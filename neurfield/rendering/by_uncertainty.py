"""Pixels of a step, more of them where priors are uncertain."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Annotated

import numpy as np
import torch
from torch import Tensor

from neurfield.moment import Moment
from neurfield.parts import Number, needs
from neurfield.pixels import Chosen, Maps, Uniform
from neurfield.rendering.uncertainty import blended, uncertainties
from neurfield.scenes import Cameras

Count = Annotated[int, Number(least=1)]
Share = Annotated[float, Number(least=0.0, most=1.0)]


@needs("heads.uncertainty")
class ByUncertainty(Uniform):
    """Pixels by (1 - even) U / sum U + even / N, where U is how uncertain the priors of each are.

    DebSDF (Xu et al. 2024, section 3.3). U blends the uncertainty of depth and normals, and is rendered for
    every image at a few moments; it is bilinear between the maps' pixels. Until then pixels are drawn evenly,
    as `uniform` draws them. A pixel may be drawn twice in a step, which the authors rule out.

    Args:
        cameras: to draw from.
        seed: of the fit.
        images_per_step: images that a step's pixels are of.
        even: share of the pixels that are drawn evenly.
        longest: pixels along the longer side of the maps; the paper's are 192 by 192.
        at: shares of the steps after which maps are rendered; the paper's are 40 and 100 of 200 thousand.
    """

    def __init__(
        self,
        cameras: Cameras,
        seed: int,
        *,
        images_per_step: Count = 16,
        even: Share = 0.4,
        longest: Count = 192,
        at: Sequence[Share] = (0.2, 0.5),
    ) -> None:
        super().__init__(cameras, seed, images_per_step=images_per_step)
        self.even, self.longest, self.at = even, longest, tuple(at)
        self.looks = 0
        self.maps: list[np.ndarray] = []  # float32 [h, w] of each camera, once it was looked

    def due(self, moment: Moment) -> bool:
        """Whether another of the moments has come."""
        return sum(moment.progress >= share for share in self.at) > self.looks

    def look(self, moment: Moment, maps: Maps) -> None:
        """Render how uncertain the priors are, for every image."""

        def of_samples(heads: Mapping[str, Tensor]) -> Tensor:
            return uncertainties(heads["uncertainty"])

        rendered = (maps.of(i, self.longest, of_samples) for i in range(len(self.cameras)))
        self.maps = [
            blended(torch.from_numpy(one.reshape(-1, 4)), math.sqrt(2.0)).numpy().reshape(one.shape[:2])
            for one in rendered
        ]
        self.looks = sum(moment.progress >= share for share in self.at)

    def state(self) -> dict[str, Tensor]:
        """The maps, and how often it was looked."""
        looks = {"looks": torch.tensor([self.looks])}
        return {**looks, **{f"map_{i}": torch.from_numpy(one) for i, one in enumerate(self.maps)}}

    def load(self, state: dict[str, Tensor]) -> None:
        """Take a state written by `state`."""
        self.looks = int(state["looks"])
        count = len(self.cameras) if self.looks else 0
        self.maps = [state[f"map_{i}"].cpu().numpy() for i in range(count)]

    def choose(self, step: int, rays: int) -> Chosen:
        """About `rays` pixels for a step: the same number from each of its images."""
        evenly = super().choose(step, rays)
        if not self.maps:
            return evenly
        random = np.random.default_rng([self.seed, 11, step])
        guided = random.random(len(evenly.camera)) >= self.even
        row, column = evenly.row.copy(), evenly.column.copy()
        for group in range(evenly.groups):
            own = np.flatnonzero(guided & (evenly.group == group))
            camera = int(evenly.camera[evenly.group == group][0])
            size = int(self.cameras.height[camera]), int(self.cameras.width[camera])
            places = drawn_by(self.maps[camera], random.random((5, len(own))))
            if places is not None:
                row[own], column[own] = (
                    np.minimum((place * side).astype(np.int64), side - 1) for place, side in zip(places, size)
                )
        return Chosen(evenly.camera, row, column, evenly.group, evenly.groups)


def drawn_by(weights: np.ndarray, random: np.ndarray) -> np.ndarray | None:
    """Places [2, K], down and across in 0..1, of a density that is bilinear between weights [h, w].

    A cell is drawn by its weight, and then a place by the tent that the cell's weight has in the density:
    what of that is beyond the border is where the density is level. None where no weight is above 0.

    Args:
        weights: not negative.
        random: [5, K] even in 0..1.
    """
    total = np.cumsum(weights.astype(np.float64).reshape(-1))
    if not total[-1] > 0.0:
        return None
    cell = np.searchsorted(total, random[0] * total[-1], side="right").clip(max=len(total) - 1)
    sides = np.array(weights.shape)[:, None]
    middle = np.stack(np.divmod(cell, weights.shape[1])) + 0.5
    place = middle + random[1:3] + random[3:5] - 1.0
    return (sides - np.abs(sides - np.abs(place))) / sides
