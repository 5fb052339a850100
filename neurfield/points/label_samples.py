"""Points on and between the planes of slices of several labels, each of the distance of one label."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property

import torch
from torch import Tensor

from neurfield.moment import Moment
from neurfield.points.label_sides import Sides, label_sides
from neurfield.points.point_set import PointSet, Source
from neurfield.points.slice_samples import BAND, CLEAR, FAR, LEAST, WIDTHS, Count, Share, SliceSamples
from neurfield.slices.unit_slices import UnitSlices

_APART = 101  # of the seeds of two labels
_SIDES = 4  # there is a place whose sides are known to so many other points


class LabelSamples(Source):
    """What slices tell of points, for each label and for all of them as one thing, in equal parts.

    Each point is of one distance of the field (`PointSet.row`): a place on the boundary of two labels comes
    as a place on the contour of either, and in none of what bounds all labels. Beside them come places of
    which every distance's side is told at once: a label's own points are near its own contours, and near a
    small label within or beside a large one next to none of the large one's are, whose distance is then
    anything there.

    Args:
        label_slices: of all labels as one thing, then of each label, in one box.
        device: of the points.
        seed: of the pools.
        count: points a step, of all labels together.
        pool: points on contours whose direction is known, of all labels together, and twice as many in
            planes.
        reach: length of the longest arm of a triple, of the gap between planes.
    """

    offers = SliceSamples.offers | {"points.sides.side", "points.sides.clear"}

    def __init__(
        self,
        label_slices: Sequence[UnitSlices],
        device: torch.device,
        seed: int,
        *,
        count: Count = 32768,
        pool: Count = 524288,
        reach: Share = 0.5,
    ) -> None:
        many = len(label_slices)
        self.count, self.pool, self.device, self.seed = count, pool, device, seed
        self.label_slices = label_slices
        self.each = [
            SliceSamples(
                one, device, seed + _APART * k,
                count=max(12, count // many), pool=max(64, pool // many), reach=reach,
            )
            for k, one in enumerate(label_slices)
        ]  # fmt: skip

    @cached_property
    def sides(self) -> Sides:
        """Places in planes, and the sides of all labels there."""
        found = label_sides(self.label_slices, 2 * self.pool, WIDTHS, FAR, self.seed)
        return Sides(*(tensor.to(self.device) for tensor in found))

    @property
    def words(self) -> str:  # type: ignore[override]
        """How many."""
        return (
            f"points of {2 * self.pool:,} in planes, {self.pool:,} on contours, and between planes, "
            f"shared by {len(self.each) - 1} labels and all as one thing"
        )

    def prepare(self) -> None:
        """Work out distances, directions and sides of all labels."""
        _ = self.sides
        for one in self.each:
            one.prepare()

    def draw(self, moment: Moment) -> tuple[Tensor, ...]:
        """Rows of places whose sides are known, then what each label's source draws, one after another."""
        many, count = len(self.sides.points), max(2, self.count // _SIDES)
        rows = torch.randint(many, (count,), generator=moment.generator, device=self.device)
        return (rows, *(tensor for one in self.each for tensor in one.draw(moment)))

    def sets(self, *drawn: Tensor) -> dict[str, PointSet]:
        """The sets of `SliceSamples`, of all labels, with the row of each point, and "sides"."""
        among, *own = drawn
        size = len(own) // len(self.each)
        parts = [one.sets(*own[k * size : (k + 1) * size]) for k, one in enumerate(self.each)]
        points, side, away = (tensor[among] for tensor in self.sides)
        columns = {"side": side.to(away), "clear": (LEAST * away).clamp_max(CLEAR)}
        sides = PointSet(points, columns, {"band": BAND}, row=torch.zeros_like(among))
        return {"sides": sides, **{name: _joined([part[name] for part in parts]) for name in parts[0]}}


def _joined(sets: Sequence[PointSet]) -> PointSet:
    """Sets of the same columns as one, the k-th of row k."""
    points = [one.points for one in sets]
    rows = [torch.full((len(at),), k, dtype=torch.long, device=at.device) for k, at in enumerate(points)]
    columns = {name: torch.cat([one.columns[name] for one in sets]) for name in sets[0].columns}
    return replace(sets[0], points=torch.cat(points), columns=columns, row=torch.cat(rows))
