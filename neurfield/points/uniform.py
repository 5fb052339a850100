"""Points anywhere in the box, where a field ought to have slope one."""

from __future__ import annotations

import torch
from torch import Tensor

from neurfield.moment import Moment
from neurfield.points.point_set import NONE_BESIDE, Beside, PointSet, Source


class Uniform(Source):
    """Uniform points of the box; they join the query of the rays.

    Args:
        unit_box: xmin ymin zmin xmax ymax zmax, unit coordinates.
        device: of the points.
        beside: how far away neighbours are.
        count: points a step.
        neighbours: each gets one a small step away, for losses on pairs.
    """

    offers = frozenset({"points.uniform", "gradients"})
    with_rays = True

    def __init__(
        self,
        unit_box: list[float],
        device: torch.device,
        beside: Beside = NONE_BESIDE,
        *,
        count: int = 2048,
        neighbours: bool = False,
    ) -> None:
        self.bounds = torch.tensor(unit_box, device=device)
        self.count, self.distance = count, beside.distance if neighbours else 0.0
        if neighbours:
            self.offers = self.offers | {"pairs"}

    def draw(self, moment: Moment) -> tuple[Tensor, ...]:
        """Points [count, 3], and steps to their neighbours, if they get some."""
        low, high = self.bounds[:3], self.bounds[3:]
        share = torch.rand(self.count, 3, generator=moment.generator, device=self.bounds.device)
        points = low + (high - low) * share
        if not self.distance:
            return (points,)
        random = torch.rand(self.count, 3, generator=moment.generator, device=self.bounds.device)
        return points, points + (random - 0.5) * (2.0 * self.distance)

    def sets(self, *drawn: Tensor) -> dict[str, PointSet]:
        """One set, "uniform"."""
        points, *beside = drawn
        return {"uniform": PointSet(points, unit_slope=True, beside=beside[0] if beside else None)}
