"""What an occupancy that is asked several times ought to say of slices: the losses of OReX."""

from __future__ import annotations

from typing import Annotated, Any

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from neurfield.losses.seen import Seen
from neurfield.parts import Number, needs

Positive = Annotated[float, Number(above=0.0)]


@needs("points.refined.outside", "heads.iterations")
def iterated_sides(seen: Seen) -> Tensor:
    """Binary cross entropy of what every iteration says and what is outside (OReX, Sawdayee et al. 2023)."""
    points = seen.points["refined"]
    logits = points.heads["iterations"]
    known = points.columns["outside"].to(logits)[:, None].expand_as(logits)
    return binary_cross_entropy_with_logits(logits, known)


@needs("points.refined")
def slope_hinge(seen: Seen, *, steepest: Positive = 100.0) -> Tensor:
    """Mean max(0, |g| - steepest) of the last iteration's slope: no ripples near contours (OReX).

    Args:
        steepest: slope of the logit per unit length that is free.
    """
    return torch.relu(seen.points["refined"].slope.norm(dim=1) - steepest).mean()


@needs("points.refined")
class SmallParameters:
    """Half the sum of all the field's squared parameters: with Adam, what is called L2 weight decay.

    Args:
        field: that is fitted.
    """

    def __init__(self, field: Any) -> None:
        self.parameters = list(field.parameters())

    def __call__(self, seen: Seen) -> Tensor:
        """Of a step, whatever it saw."""
        return 0.5 * torch.stack([parameter.square().sum() for parameter in self.parameters]).sum()
