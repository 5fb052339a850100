"""Points anywhere in the box, each asked of one object that is drawn for it."""

from __future__ import annotations

import torch
from torch import Tensor

from neurfield.moment import Moment
from neurfield.pixels import Instances
from neurfield.points.point_set import NONE_BESIDE, Beside, PointSet, Source


class Objects(Source):
    """Uniform points of the box, each with one object's distance, which ought to have slope one, too.

    ObjectSDF++ asks all K distances at each point. One that is drawn for each costs one query, and the mean
    over points and draws is the mean over points and objects.

    Args:
        objects: those of the field.
        unit_box: xmin ymin zmin xmax ymax zmax, unit coordinates.
        device: of the points.
        beside: neighbours that the points get.
        count: points a step.
    """

    offers = frozenset({"points.objects", "gradients", "pairs"})

    def __init__(
        self,
        objects: Instances,
        unit_box: list[float],
        device: torch.device,
        beside: Beside = NONE_BESIDE,
        *,
        count: int = 2048,
    ) -> None:
        self.objects, self.bounds = len(objects), torch.tensor(unit_box, device=device)
        self.beside, self.count = beside, count

    def draw(self, moment: Moment) -> tuple[Tensor, ...]:
        """Points [count, 3], which object each is asked of [count], and steps aside [pairs, 3]."""
        low, high = self.bounds[:3], self.bounds[3:]
        generator, device = moment.generator, self.bounds.device
        share = torch.rand(self.count, 3, generator=generator, device=device)
        index = torch.randint(self.objects, (self.count,), generator=generator, device=device)
        pairs = min(self.count, self.beside.pairs)
        return low + (high - low) * share, index, torch.rand(pairs, 3, generator=generator, device=device)

    def sets(self, *drawn: Tensor) -> dict[str, PointSet]:
        """One set, "objects", with the column "object": the index of the distance that is asked."""
        points, index, aside = drawn
        beside = points[: len(aside)] + (aside - 0.5) * (2.0 * self.beside.distance) if len(aside) else None
        return {"objects": PointSet(points, {"object": index}, unit_slope=True, beside=beside, row=index)}
