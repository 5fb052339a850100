"""Points of the surface that several images show, which a fit holds on to from the first ray to the last."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import torch
from torch import Tensor

from neurfield.fusion import AlignedPriors
from neurfield.moment import Moment
from neurfield.points.point_set import PointSet, Source
from neurfield.rays import UnitFrame


class Seen(Source):
    """The points by which priors were aligned, those inside the box.

    Args:
        aligned: gives what priors mean; None where they were not aligned, which gives no points.
        frame: the unit coordinates.
        unit_box: xmin ymin zmin xmax ymax zmax, unit coordinates.
        device: of the points.
        count: points a step.
        band: of the typical depth; points farther than that from the field's surface are taken for mistakes.
    """

    offers = frozenset({"points.seen"})

    def __init__(
        self,
        aligned: Callable[[], AlignedPriors | None],
        frame: UnitFrame,
        unit_box: list[float],
        device: torch.device,
        *,
        count: int = 2048,
        band: float = 0.03,
    ) -> None:
        self._about = aligned, frame, unit_box, device
        self.count, self.share = count, band

    @cached_property
    def candidates(self) -> tuple[Tensor, float]:
        """All points [P, 3], unit coordinates, and the distance at which one stops to count, unit lengths."""
        make, frame, unit_box, device = self._about
        aligned = make()
        if aligned is None or not len(aligned.points):
            return torch.zeros(0, 3, device=device), 1.0
        world, depth = aligned.seen_points()
        points = torch.from_numpy(frame.unit_from_world(world)).float()
        low, high = torch.tensor(unit_box).view(2, 3)
        points = points[((points > low) & (points < high)).all(dim=1)]
        return points.to(device), self.share * float(depth.median()) / frame.half

    def prepare(self) -> None:
        """Find which of the points are in the box."""
        _ = self.candidates

    def draw(self, moment: Moment) -> tuple[Tensor, ...]:
        """Indices [count] of random points, once rays take part."""
        points, _ = self.candidates
        if not len(points) or moment.points_alone:
            return ()
        return (
            torch.randint(len(points), (self.count,), generator=moment.generator, device=points.device),
        )  # fmt: skip

    def sets(self, *drawn: Tensor) -> dict[str, PointSet]:
        """One set, "seen", with the size "band"."""
        points, band = self.candidates
        return {"seen": PointSet(points[drawn[0]], sizes={"band": band})}
