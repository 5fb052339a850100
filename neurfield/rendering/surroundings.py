"""What surrounds an object that was photographed without masks: the pictures' borders, or learnt."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated

import numpy as np
import torch
from torch import Tensor, nn

from neurfield.encodings import spherical_harmonics
from neurfield.moment import Moment
from neurfield.parts import Number
from neurfield.rays import Rays
from neurfield.rendering.backgrounds import Background, RandomBehindMasks
from neurfield.scenes import Scene

RIM = 0.02  # of a picture's shorter side, which shows what surrounds the object rather than the object
MOST_PICTURES = 64  # whose borders are looked at for one colour of all
_CONSTANT = 0.28209479177387814  # the first of the spherical harmonics


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
        frames = range(len(self.scene)) if self.each else _some(len(self.scene))
        own = np.stack([border_color(self.scene.image(i)) for i in frames])
        every = np.median(own, axis=0)
        rows = own if self.each else np.tile(every, (len(self.scene), 1))
        return torch.from_numpy(np.concatenate([rows, every[None]])).float().to(self.device)

    def prepare(self) -> None:
        """Look at the pictures."""
        _ = self.table

    def colors(self, rays: Rays, camera: Tensor, moment: Moment) -> Tensor:
        """The colours [R, 3], in 0..1."""
        return self.table[camera]


class Environment(nn.Module):
    """Colour by direction alone, learnt: right for what is far away, a blur of what is near.

    It begins as the colour of the pictures' borders.

    Args:
        scene: whose pictures they are.
        device: of the colours.
        degree: spherical harmonics bands. Few, so that it cannot paint the object itself.
    """

    for_outlines = False

    def __init__(
        self, scene: Scene, device: torch.device, *, degree: Annotated[int, Number(least=1, most=4)] = 4
    ) -> None:
        super().__init__()
        self.scene, self.degree = scene, degree
        self.coefficients = nn.Parameter(torch.zeros(degree**2, 3, device=device))
        self.begun = False
        self.register_load_state_dict_post_hook(lambda module, _: setattr(module, "begun", True))

    @torch.no_grad()
    def prepare(self) -> None:
        """Begin with the colour of the borders, unless it has begun already."""
        if self.begun:
            return
        colors = np.stack([border_color(self.scene.image(i)) for i in _some(len(self.scene))])
        color = torch.from_numpy(np.median(colors, axis=0)).float().clamp(0.02, 0.98)
        self.coefficients[0] = torch.logit(color).to(self.coefficients) / _CONSTANT
        self.begun = True

    def colors(self, rays: Rays, camera: Tensor, moment: Moment) -> Tensor:
        """The colours [R, 3], in 0..1."""
        return torch.sigmoid(spherical_harmonics(rays.directions, self.degree) @ self.coefficients)

    def parameter_groups(self) -> dict[str, list[nn.Parameter]]:
        """Its parameters by how they learn."""
        return {"encoding": [self.coefficients]}


def surroundings(scene: Scene, device: torch.device) -> Background:
    """Random colours behind masks, black in rooms, else an environment that is learnt."""
    outlined = "mask" in scene.sources and scene.mask_says == "object"
    return RandomBehindMasks() if outlined or scene.kind == "inside" else Environment(scene, device)


def border_color(picture: np.ndarray) -> np.ndarray:
    """The median colour [3] in 0..1 of a picture's rim; of uint8 [h, w, 3]."""
    rim = max(1, round(RIM * min(picture.shape[:2])))
    inner = np.zeros(picture.shape[:2], bool)
    inner[rim:-rim, rim:-rim] = True
    return np.median(picture[~inner], axis=0) / 255.0


def _some(count: int) -> list[int]:
    """At most MOST_PICTURES indices, evenly spread."""
    return np.unique(np.linspace(0, count - 1, min(count, MOST_PICTURES)).round().astype(int)).tolist()
