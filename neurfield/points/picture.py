"""Pixels of a picture: points of its plane and the values there."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated

import torch
from torch import Tensor

from neurfield.images import ImageSource, PixelPool, pixel_pool
from neurfield.moment import Moment
from neurfield.parts import Number, Train
from neurfield.points.picture_pixels import StepPixels, step_pixels
from neurfield.points.point_set import AskedPoints, PointSet, Source

Count = Annotated[int, Number(least=1)]


class Picture(Source):
    """Pixels of a picture.

    Args:
        picture: read when the first pixels are drawn.
        train: whose steps shall have drawn from all of it.
        device: of the points.
        seed: of the order in which pixels come.
        count: pixels a step.
        budget_mb: decoded pixels that are held; a larger picture is read tile by tile.
        tile: edge of such a tile, pixels.
    """

    offers = frozenset({"points.picture"})

    def __init__(
        self,
        picture: ImageSource,
        train: Train,
        device: torch.device,
        seed: int,
        *,
        count: Count = 65536,
        budget_mb: Count = 256,
        tile: Count = 256,
    ) -> None:
        self.picture, self.train, self.device, self.seed = picture, train, device, seed
        self.count, self.budget_mb, self.tile = count, budget_mb, tile

    @cached_property
    def pool(self) -> PixelPool:
        """What pixels are drawn from; the picture, or the first tiles of it, is read for it."""
        budget = self.budget_mb * 2**20
        return pixel_pool(self.picture, budget, self.tile, self.count, self.train.steps, self.seed)

    @cached_property
    def step_pixels(self) -> StepPixels:
        """The steps' pixels on the device."""
        return step_pixels(self.pool, self.count, self.device)

    def prepare(self) -> None:
        """Read the picture, or the first tiles of it."""
        _ = self.step_pixels

    def draw(self, moment: Moment) -> tuple[Tensor, ...]:
        """What the host decides of a step's pixels; follows from the step alone."""
        return self.step_pixels.inputs(moment.step)

    def sets(self, *drawn: Tensor) -> dict[str, PointSet]:
        """One set, "picture", with the column "color" in 0..1, [P, channels]."""
        points, values = self.step_pixels.pixels(*drawn)
        return {"picture": PointSet(points, {"color": values})}

    def figures(self, answers: dict[str, AskedPoints]) -> dict[str, float | Tensor]:
        """PSNR, and how many pixels were drawn."""
        pixels = answers["picture"]
        error = torch.nn.functional.mse_loss(pixels.value.detach(), pixels.columns["color"])
        psnr = -10.0 * torch.log10(error.clamp_min(1e-12))
        return {"psnr": psnr, "pixels": float(len(pixels.value))}
