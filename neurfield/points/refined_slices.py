"""Points around contours, ever nearer to them and ever more of them: OReX's levels of refinement."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import numpy as np
import torch
from torch import Tensor

from neurfield.moment import Moment
from neurfield.parts import Number
from neurfield.points.epochs import Epochs
from neurfield.points.point_set import PointSet, Source
from neurfield.slices.refined import around_contours, count_around, hull_points
from neurfield.slices.unit_slices import UnitSlices

Count = Annotated[int, Number(least=1)]
Length = Annotated[float, Number(above=0.0)]
Share = Annotated[float, Number(above=0.0, most=1.0)]


class RefinedSlices(Source):
    """In-plane points whose side slices tell, level after level at smaller distances of the contours.

    A step sees one batch of an epoch over the points of this level and of those before it, as far as they
    are kept (Sawdayee et al., OReX, CVPR 2023, and the authors' code). A fit of other than the course's own
    number of steps passes through the same course faster or slower.

    Args:
        slices: contours of one label.
        device: of the points.
        seed: of points and of the order of epochs.
        count: points of a batch.
        radii: distance of points from contours at each level, unit lengths.
        around: points around each corner, on each edge, on either side of it, at each level.
        epochs: at each level.
        anywhere: points in each plane that may lie anywhere, at each level.
        hull: points on the convex hull of all corners, outside, at each level.
        margin: by which share that hull is larger.
        kept: levels whose points are seen together, the newest ones.
        rate: what learning rates are multiplied with now and again.
        rate_every: epochs from one such time to the next.
    """

    offers = frozenset({"points.refined", "points.refined.outside"})

    def __init__(
        self,
        slices: UnitSlices,
        device: torch.device,
        seed: int,
        *,
        count: Count = 16384,
        radii: Sequence[Length] = (1 / 16, 1 / 32, 1 / 32, 1 / 64, 1 / 64, 1 / 128),
        around: Sequence[Count] = (2, 2, 3, 3, 4, 5),
        epochs: Sequence[Count] = (50, 50, 100, 100, 150, 200),
        anywhere: Count = 2048,
        hull: Count = 16384,
        margin: Length = 0.05,
        kept: Count = 3,
        rate: Share = 0.9,
        rate_every: Count = 10,
    ) -> None:
        self.slices, self.device, self.seed = slices, device, seed
        self.count, self.radii, self.around, self.anywhere = count, radii, around, anywhere
        self.hull, self.margin, self.kept, self.rate, self.rate_every = hull, margin, kept, rate, rate_every
        sizes = [hull + count_around(slices, each, anywhere) for each in around]
        self.sizes = [sum(sizes[max(0, level + 1 - kept) : level + 1]) for level in range(len(sizes))]
        self.course = Epochs(epochs, [-(-size // count) for size in self.sizes])
        self._sets: dict[int, tuple[Tensor, Tensor]] = {}
        self._order: tuple[int, Tensor] = -1, torch.empty(0)

    @property
    def words(self) -> str:  # type: ignore[override]
        """How many, and how long the whole course is."""
        return (
            f"{self.sizes[0]:,} to {max(self.sizes):,} points in {len(self.sizes)} levels; "
            f"all {sum(self.course.epochs)} epochs of them are {self.course.steps:,} steps (--steps)"
        )

    def learning(self, progress: float) -> float:
        """The factor of learning rates: it falls after each so many epochs but the first."""
        return float(self.rate ** (max(0, self.course.at(progress).epoch - 1) // self.rate_every))

    def draw(self, moment: Moment) -> tuple[Tensor, ...]:
        """Points [count, 3] and how far they are outside [count]; the last batch of an epoch has fewer."""
        place = self.course.at(moment.progress)
        newest = range(max(0, place.level + 1 - self.kept), place.level + 1)
        for level in [level for level in self._sets if level not in newest]:
            del self._sets[level]
        sets = [self._level(level) for level in newest]
        if self._order[0] != place.epoch:
            generator = torch.Generator().manual_seed(self.seed * 1_000_003 + place.epoch)
            self._order = place.epoch, torch.randperm(self.sizes[place.level], generator=generator)
        rows = self._order[1][place.batch * self.count :][: self.count]
        ends = np.cumsum([len(points) for points, _ in sets])
        points, outside = torch.empty(len(rows), 3), torch.empty(len(rows))
        for (of_level, known), end in zip(sets, ends):
            chosen = (rows < end) & (rows >= end - len(known))
            row = rows[chosen] - (end - len(known))
            points[chosen], outside[chosen] = of_level[row], known[row]
        return points.to(self.device), outside.to(self.device)

    def sets(self, *drawn: Tensor) -> dict[str, PointSet]:
        """One set, "refined", with the column "outside": 0, 1, or 0.5 on contours."""
        points, outside = drawn
        return {"refined": PointSet(points, {"outside": outside})}

    def _level(self, level: int) -> tuple[Tensor, Tensor]:
        """A level's points [N, 3], on the CPU, and how far they are outside [N]."""
        if level not in self._sets:
            random = np.random.default_rng([self.seed, level])
            points, outside = around_contours(
                self.slices, self.radii[level], self.around[level], self.anywhere, random
            )
            far = hull_points(self.slices, self.hull, self.margin, random)
            both = np.concatenate([points, far]), np.concatenate([outside, np.ones(len(far))])
            self._sets[level] = tuple(torch.from_numpy(one).float() for one in both)  # type: ignore[assignment]
        return self._sets[level]


def _wrong_lengths(
    *, radii: Sequence[float], around: Sequence[int], epochs: Sequence[int], **_: object
) -> str | None:
    if len(radii) == len(around) == len(epochs) > 0:
        return None
    return (
        "radii, around, epochs: one number a level in each, "
        f"got {len(radii)}, {len(around)} and {len(epochs)}"
    )


RefinedSlices.wrong_numbers = staticmethod(_wrong_lengths)  # type: ignore[attr-defined]
