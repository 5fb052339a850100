"""Pixels of a picture: points of its plane and the values there."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import torch
from torch import Tensor

from neurfield.images import PixelPool
from neurfield.moment import Moment
from neurfield.points.picture_pixels import StepPixels, step_pixels
from neurfield.points.point_set import AskedPoints, PointSet, Source


class Picture(Source):
    """Pixels of a picture.

    Args:
        pool: gives what pixels are drawn from; called when the first are drawn.
        device: of the points.
        count: pixels a step.
    """

    offers = frozenset({"points.picture"})

    def __init__(self, pool: Callable[[], PixelPool], device: torch.device, *, count: int = 65536) -> None:
        self._pool, self.device, self.count = pool, device, count

    @cached_property
    def step_pixels(self) -> StepPixels:
        """The steps' pixels on the device."""
        return step_pixels(self._pool(), self.count, self.device)

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
