"""The colour of the pictures' borders, which show what surrounds an object rather than the object."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from neurfield.moment import Moment
from neurfield.rays import Rays
from neurfield.scenes import Scene
from neurfield.scenes.frames import spread

RIM = 0.02  # of a picture's shorter side
MOST_PICTURES = 64  # whose borders are looked at for one colour of all


class Border:
    """The colour of the pictures' borders behind every ray: the median of a rim of 2 % of the shorter side.

    Args:
        scene: whose pictures they are.
        device: of the colours.
        each: a colour of its own for each picture, as exposure may differ, or else one for all.
    """

    for_outlines = False

    def __init__(self, scene: Scene, device: torch.device, *, each: bool = True) -> None:
        self.scene, self.device, self.each = scene, device, each

    @cached_property
    def table(self) -> Tensor:
        """Colours [n + 1, 3] in 0..1, of each picture, and last of all together."""
        frames = range(len(self.scene)) if self.each else spread(len(self.scene), MOST_PICTURES)
        own = np.stack([border_color(self.scene.image(int(i))) for i in frames])
        every = np.median(own, axis=0)
        rows = own if self.each else np.tile(every, (len(self.scene), 1))
        return torch.from_numpy(np.concatenate([rows, every[None]])).float().to(self.device)

    def prepare(self) -> None:
        """Look at the pictures."""
        _ = self.table

    def colors(self, rays: Rays, camera: Tensor, moment: Moment) -> Tensor:
        """The colours [R, 3], in 0..1."""
        return self.table[camera]


def usual_border(scene: Scene) -> Tensor:
    """The median colour [3] in 0..1 of the borders of a scene's pictures, some 64 of them at most."""
    frames = spread(len(scene), MOST_PICTURES)
    colors = np.stack([border_color(scene.image(int(i))) for i in frames])
    return torch.from_numpy(np.median(colors, axis=0)).float()


def border_color(picture: np.ndarray) -> np.ndarray:
    """The median colour [3] in 0..1 of a picture's rim; of uint8 [h, w, 3]."""
    return np.median(picture[on_border(*picture.shape[:2])], axis=0) / 255.0


def on_border(height: int, width: int) -> np.ndarray:
    """Which pixels are a picture's rim of 2 % of the shorter side, one pixel at least: bool [h, w]."""
    rim = max(1, round(RIM * min(height, width)))
    outer = np.ones((height, width), bool)
    outer[rim:-rim, rim:-rim] = False
    return outer
