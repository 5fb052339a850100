"""Points anywhere in the box, where a field ought to have slope one."""

from __future__ import annotations

import torch
from torch import Tensor

from neurfield.moment import Moment
from neurfield.points.point_set import PointSet, Source


class Uniform(Source):
    """Uniform points of the box; they join the query of the rays.

    Args:
        unit_box: xmin ymin zmin xmax ymax zmax, unit coordinates.
        device: of the points.
        count: points a step.
    """

    offers = frozenset({"points.uniform", "gradients"})
    with_rays = True

    def __init__(self, unit_box: list[float], device: torch.device, *, count: int = 2048) -> None:
        self.bounds = torch.tensor(unit_box, device=device)
        self.count = count

    def draw(self, moment: Moment) -> tuple[Tensor, ...]:
        """Points [count, 3]."""
        low, high = self.bounds[:3], self.bounds[3:]
        share = torch.rand(self.count, 3, generator=moment.generator, device=self.bounds.device)
        return (low + (high - low) * share,)

    def sets(self, *drawn: Tensor) -> dict[str, PointSet]:
        """One set, "uniform"."""
        return {"uniform": PointSet(drawn[0], unit_slope=True)}
