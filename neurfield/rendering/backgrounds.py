"""What stands behind the field, seen where rays are not opaque."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from neurfield.moment import Moment
from neurfield.rays import Rays


class Background(Protocol):
    """What stands behind the field.

    It may be a torch module with `parameter_groups`, and then it is learnt. A method `prepare` is called
    once, before the first step.

    Attributes:
        for_outlines: whether only rays of scenes whose masks are outlines have this background.
    """

    for_outlines: bool

    def colors(self, rays: Rays, camera: Tensor, moment: Moment) -> Tensor:
        """Colours [R, 3] in 0..1.

        Args:
            rays: R.
            camera: int64 [R], whose rays; -1: none of the fit's.
            moment: of the fit.
        """
        ...


class RandomBehindMasks:
    """A random colour behind each ray of an object with an outline; black behind everything else."""

    for_outlines = True

    def colors(self, rays: Rays, camera: Tensor, moment: Moment) -> Tensor:
        """Random colours [R, 3] in 0..1."""
        device = rays.directions.device
        return torch.rand(len(rays), 3, generator=moment.generator, device=device)


class Constant:
    """One colour behind every ray.

    Args:
        red: in 0..1.
        green: in 0..1.
        blue: in 0..1.
    """

    for_outlines = False

    def __init__(self, *, red: float = 0.0, green: float = 0.0, blue: float = 0.0) -> None:
        self.rgb = red, green, blue

    def colors(self, rays: Rays, camera: Tensor, moment: Moment) -> Tensor:
        """The colour [R, 3], in 0..1."""
        return rays.directions.new_tensor(self.rgb).expand(len(rays), 3)
