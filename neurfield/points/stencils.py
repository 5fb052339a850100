"""Small crosses of points, by which a field's slope is measured over a distance."""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor

from neurfield.moment import Moment
from neurfield.parts import Number
from neurfield.points.point_set import PointSet, Source

Count = Annotated[int, Number(least=1)]
Length = Annotated[float, Number(above=0.0)]
_ARMS = ((1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0), (0, 0, 1), (0, 0, -1))


class Stencils(Source):
    """Crosses of six points, each of another size, anywhere in the box (NeuRodin, Wang et al. 2024).

    Wide ones smooth the field, narrow ones leave its detail; they join the query of the rays.

    Args:
        unit_box: xmin ymin zmin xmax ymax zmax, unit coordinates.
        device: of the points.
        count: crosses a step.
        least: length of the shortest arm, unit lengths.
        largest: length of the longest arm, unit lengths.
    """

    offers = frozenset({"points.stencils", "points.stencils.arm"})
    with_rays = True

    def __init__(
        self,
        unit_box: list[float],
        device: torch.device,
        *,
        count: Count = 256,
        least: Length = 1.0 / 8192.0,
        largest: Length = 0.1,
    ) -> None:
        self.bounds, self.count = torch.tensor(unit_box, device=device).view(2, 3), count
        narrowest = min(high - low for low, high in zip(unit_box[:3], unit_box[3:]))
        self.largest = min(largest, 0.45 * narrowest)  # a cross has to fit into the box
        self.least = min(least, self.largest)
        self.arms = torch.tensor(_ARMS, dtype=torch.float32, device=device)

    @staticmethod
    def wrong_numbers(least: float, largest: float, **_: object) -> str | None:
        """What does not fit together."""
        return f"least {least:g} is above largest {largest:g}" if least > largest else None

    def draw(self, moment: Moment) -> tuple[Tensor, ...]:
        """Four shares [count, 4] in 0..1: of the size, and of where in the box."""
        return (torch.rand(self.count, 4, generator=moment.generator, device=self.bounds.device),)

    def sets(self, *drawn: Tensor) -> dict[str, PointSet]:
        """One set, "stencils", with the column "arm": rows of six, the two ends of each axis in turn."""
        (share,) = drawn
        arm = self.least + (self.largest - self.least) * share[:, :1]
        low, high = self.bounds[0] + arm, self.bounds[1] - arm
        middle = low + (high - low) * share[:, 1:]
        points = middle[:, None] + arm[:, None] * self.arms
        return {"stencils": PointSet(points.reshape(-1, 3), {"arm": arm.expand(-1, 6).reshape(-1)})}
