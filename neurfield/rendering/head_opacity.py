"""An opacity that is a head of the field, beside the distance."""

from __future__ import annotations

import math
from typing import Annotated

import torch
from torch import Tensor
from torch.nn.functional import normalize

from neurfield.moment import Moment
from neurfield.parts import Number, needs
from neurfield.rays import Rays, Samples
from neurfield.rendering.answers import Answers
from neurfield.rendering.opacity import Opacity

HEAD = "occupancy"


@needs(f"heads.{HEAD}")
class Occupancy(Opacity):
    """A head of the field as opacity (Occ-SDF, Lyu et al. 2023, Sec. 3; after UNISURF, Oechsle et al. 2021).

    alpha = sigmoid(-sharpness y) of a sample, however long its section, where y is the head `occupancy`. Its
    normals are those of the head, too: the direction in which alpha falls. Samples are drawn where the
    distance has its surface, so another pass leads.

    Args:
        sharpness: of the step from free to occupied, by the head's unit. Its slope is free, so that it can
            become as steep as it needs to be.
    """

    slope_matters = False
    slope_of = HEAD
    leads = False

    def __init__(self, *, sharpness: Annotated[float, Number(above=0.0)] = 10.0) -> None:
        super().__init__(width_start=1.0 / sharpness, width_end=1.0 / sharpness, width_warm=1.0 / sharpness)
        self.sharpness = sharpness

    def width(self, moment: Moment, widest: float = math.inf) -> float:
        """One over the sharpness, whatever the moment: it is no length."""
        return 1.0 / self.sharpness

    def alpha(
        self, sdf: Tensor, slope: Tensor, length: Tensor, width: Tensor | float, progress: float
    ) -> Tensor:
        """As `Opacity.alpha`, of the head's number in the place of the distance."""
        return torch.sigmoid(-sdf / width)

    def of_answers(
        self, answers: Answers, rays: Rays, samples: Samples, width: Tensor | float, progress: float
    ) -> tuple[Tensor, Tensor]:
        """Opacity [S] and unit normal [S, 3] of sections by the head and its gradient."""
        occupancy, slope = answers.heads[HEAD][:, 0], answers.slopes[HEAD]
        return torch.sigmoid(-occupancy / width), normalize(slope, dim=1, eps=1e-6)
