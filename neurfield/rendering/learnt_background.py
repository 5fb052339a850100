"""Backgrounds that are learnt; the simplest of them: a colour by direction alone."""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor, nn

from neurfield.encodings import spherical_harmonics
from neurfield.moment import Moment
from neurfield.parts import Number
from neurfield.rays import Rays
from neurfield.rendering.borders import usual_border
from neurfield.scenes import Scene

_CONSTANT = 0.28209479177387814  # the first of the spherical harmonics


class LearntBackground(nn.Module):
    """A background that is learnt, and begins as the colour of the pictures' borders.

    Args:
        scene: whose pictures they are.

    Attributes:
        words: why it was chosen, for people; "": it was named.
    """

    for_outlines = False
    words = ""

    def __init__(self, scene: Scene) -> None:
        super().__init__()
        self.scene, self.begun = scene, False
        self.register_load_state_dict_post_hook(lambda module, _: setattr(module, "begun", True))

    @torch.no_grad()
    def prepare(self) -> None:
        """Begin with the colour of the borders, unless it has begun already."""
        if not self.begun:
            self.begin(torch.logit(usual_border(self.scene).clamp(0.02, 0.98)))
        self.begun = True

    def begin(self, logit: Tensor) -> None:
        """Become one colour, whose logit [3] this is."""
        raise NotImplementedError


class Environment(LearntBackground):
    """Colour by direction alone, learnt: right for what is far away, a blur of what is near.

    It begins as the colour of the pictures' borders.

    Args:
        scene: whose pictures they are.
        device: of the colours.
        degree: spherical harmonics bands. Few, so that it cannot paint the object itself.
    """

    def __init__(
        self, scene: Scene, device: torch.device, *, degree: Annotated[int, Number(least=1, most=4)] = 4
    ) -> None:
        super().__init__(scene)
        self.degree = degree
        self.coefficients = nn.Parameter(torch.zeros(degree**2, 3, device=device))

    def begin(self, logit: Tensor) -> None:
        """Become one colour, whose logit [3] this is."""
        self.coefficients[0] = logit.to(self.coefficients) / _CONSTANT

    def colors(self, rays: Rays, camera: Tensor, moment: Moment) -> Tensor:
        """The colours [R, 3], in 0..1."""
        return torch.sigmoid(spherical_harmonics(rays.directions, self.degree) @ self.coefficients)

    def parameter_groups(self) -> dict[str, list[nn.Parameter]]:
        """Its parameters by how they learn."""
        return {"encoding": [self.coefficients]}
