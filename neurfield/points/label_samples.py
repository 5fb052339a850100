"""Points on and between the planes of slices of several labels, each of the distance of one label."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from neurfield.moment import Moment
from neurfield.points.point_set import PointSet, Source
from neurfield.points.slice_samples import Count, Share, SliceSamples
from neurfield.slices.unit_slices import UnitSlices

_APART = 101  # of the seeds of two labels


class LabelSamples(Source):
    """What slices tell of points, for each label and for all of them as one thing, in equal parts.

    Each point is of one distance of the field (`PointSet.row`): a place on the boundary of two labels comes
    as a place on the contour of either, and in none of what bounds all labels.

    Args:
        label_slices: of all labels as one thing, then of each label, in one box.
        device: of the points.
        seed: of the pools.
        count: points a step, of all labels together.
        pool: points on contours whose direction is known, of all labels together, and twice as many in
            planes.
        reach: length of the longest arm of a triple, of the gap between planes.
    """

    offers = SliceSamples.offers

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
        self.count, self.pool, self.device = count, pool, device
        self.each = [
            SliceSamples(
                one, device, seed + _APART * k,
                count=max(12, count // many), pool=max(64, pool // many), reach=reach,
            )
            for k, one in enumerate(label_slices)
        ]  # fmt: skip

    @property
    def words(self) -> str:  # type: ignore[override]
        """How many."""
        return (
            f"points of {2 * self.pool:,} in planes, {self.pool:,} on contours, and between planes, "
            f"shared by {len(self.each) - 1} labels and all as one thing"
        )

    def prepare(self) -> None:
        """Work out distances, directions and sides of all labels."""
        for one in self.each:
            one.prepare()

    def draw(self, moment: Moment) -> tuple[Tensor, ...]:
        """What each label's source draws, one after another."""
        return tuple(tensor for one in self.each for tensor in one.draw(moment))

    def sets(self, *drawn: Tensor) -> dict[str, PointSet]:
        """The sets of `SliceSamples`, of all labels, with the row of each point."""
        size = len(drawn) // len(self.each)
        parts = [one.sets(*drawn[k * size : (k + 1) * size]) for k, one in enumerate(self.each)]
        return {name: _joined([part[name] for part in parts]) for name in parts[0]}


def _joined(sets: Sequence[PointSet]) -> PointSet:
    """Sets of the same columns as one, the k-th of row k."""
    points = [one.points for one in sets]
    rows = [torch.full((len(at),), k, dtype=torch.long, device=at.device) for k, at in enumerate(points)]
    columns = {name: torch.cat([one.columns[name] for one in sets]) for name in sets[0].columns}
    return replace(sets[0], points=torch.cat(points), columns=columns, row=torch.cat(rows))
