"""Points on contours, in their planes, and between the planes, with what slices say of them."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated

import torch
from torch import Tensor
from torch.nn.functional import normalize

from neurfield.moment import Moment
from neurfield.parts import Number
from neurfield.points.point_set import PointSet, Source
from neurfield.slices.unit_slices import Between, InPlanes, OnContours, UnitSlices

Count = Annotated[int, Number(least=1)]
Share = Annotated[float, Number(above=0.0)]
BAND = 0.01  # unit lengths: errors are counted in it, and points nearer than this weigh about the same
WIDTHS = 0.0005, 0.2  # of the noise of points near contours, unit lengths
FAR = 0.4  # share of the points in planes that lie anywhere in them
_SHORTEST = 0.05  # of the longest arm
# No surface crosses a plane off its contours: there f keeps clear of zero by this share of the plane's own
# distance, and by no more than this, unit lengths: a surface may run close above.
LEAST, CLEAR = 0.1, 0.003
_NOWHERE = 2.0  # the distance, unit lengths, in a plane without contours


class SliceSamples(Source):
    """What slices tell of points, and triples of points between them, on one line.

    A third of a step's points is on contours, a third in their planes, and the rest are triples: half of them
    within a gap of contours, half anywhere.

    Args:
        slices: contours of one label.
        device: of the points.
        seed: of the pools.
        count: points a step.
        pool: points on contours whose direction is known, and twice as many in planes.
        reach: length of the longest arm of a triple, of the gap between planes.
    """

    offers = frozenset(
        {
            "points.contours", "points.planes", "points.between", "gradients",
            "points.contours.across", "points.contours.axis", "points.planes.low", "points.planes.high",
            "points.planes.weight", "points.planes.inside", "points.between.arm", "points.between.side",
            "points.between.told", "points.between.known",
        }
    )  # fmt: skip

    def __init__(
        self,
        slices: UnitSlices,
        device: torch.device,
        seed: int,
        *,
        count: Count = 16384,
        pool: Count = 262144,
        reach: Share = 0.5,
    ) -> None:
        self.slices, self.device, self.seed = slices, device, seed
        self.count, self.size, self.reach = count, pool, reach
        self.box = torch.tensor(slices.unit_box, device=device).view(2, 3)
        self.gap = slices.gap

    @property
    def words(self) -> str:  # type: ignore[override]
        """How many."""
        return f"points of {2 * self.size:,} in planes, {self.size:,} on contours, and between planes"

    @cached_property
    def contours(self) -> OnContours:
        """Places on contours."""
        found = self.slices.on_contours(self.size, self.seed)
        return OnContours(*(t.to(self.device) for t in (found.points, found.across, found.axis)))

    @cached_property
    def planes(self) -> InPlanes:
        """Places in the planes, their distances cut off at what stands for planes without contours."""
        found = self.slices.in_planes(2 * self.size, WIDTHS, FAR, self.seed + 1)
        sdf = found.sdf.clamp(-_NOWHERE, _NOWHERE)
        return InPlanes(*(t.to(self.device) for t in (found.points, sdf, found.axis)))

    @cached_property
    def between(self) -> Between:
        """Places off the planes, and what planes around them tell."""
        found = self.slices.between(self.size, self.seed + 2)
        return Between(*(t.to(self.device) for t in (found.points, found.side, found.told)))

    def prepare(self) -> None:
        """Work out distances, directions and sides."""
        _ = self.contours, self.planes, self.between

    def draw(self, moment: Moment) -> tuple[Tensor, ...]:
        """Rows of contours and planes, and shares: of where triples are, how long, and which way."""
        third = max(2, self.count // 3)
        triples = max(2, third // 3)
        generator, device = moment.generator, self.device
        rows = (
            torch.randint(many, (count,), generator=generator, device=device)
            for many, count in (
                (len(self.contours.points), third), (len(self.planes.points), third),
                (len(self.between.points), triples),
            )
        )  # fmt: skip
        share = torch.rand(triples, generator=generator, device=device)
        return (*rows, share, torch.randn(triples, 3, generator=generator, device=device))

    def sets(self, *drawn: Tensor) -> dict[str, PointSet]:
        """Three sets: "contours", "planes" with what f may be there, "between" with three in a row."""
        on, beside, off, share, way = drawn
        contours, planes = self.contours, self.planes
        sdf = planes.sdf[beside]
        least = sdf.sign() * (LEAST * sdf.abs()).clamp_max(CLEAR)
        low, high = torch.minimum(sdf, least), torch.maximum(sdf, least)
        # One above or below a plane without contours may be a gap away: that here is none must be heard.
        away = torch.where(sdf.abs() < _NOWHERE, sdf.abs(), min(self.gap, _NOWHERE))
        columns = {
            "low": low, "high": high, "inside": (sdf < 0.0).to(sdf), "weight": BAND / (away + BAND),
        }  # fmt: skip
        return {
            "contours": PointSet(
                contours.points[on], {"across": contours.across[on], "axis": contours.axis[on]},
                {"band": BAND}, unit_slope=True,
            ),
            "planes": PointSet(planes.points[beside], columns, {"band": BAND}, unit_slope=True),
            "between": self._triples(off, share, way),
        }  # fmt: skip

    def _triples(self, off: Tensor, share: Tensor, way: Tensor) -> PointSet:
        """Each a place off the planes and one on either side of it, at the same distance."""
        between = self.between
        arm = self.reach * self.gap * share[:, None].clamp_min(_SHORTEST)
        arm = torch.minimum(arm, 0.45 * (self.box[1] - self.box[0]).min())
        place = between.points[off]
        middle = torch.minimum(torch.maximum(place, self.box[0] + arm), self.box[1] - arm)
        step = arm * normalize(way, dim=1)
        three = torch.stack([middle, middle + step, middle - step], dim=1)
        # What is told is told of the place, so where a triple was moved into the box it is known no more.
        known = ((middle == place).all(dim=1) & between.told[off].isfinite()).to(arm)
        told = between.told[off].nan_to_num()
        of_places = {"arm": arm[:, 0], "side": between.side[off], "told": told, "known": known}
        columns = {name: column[:, None].expand(-1, 3).reshape(-1) for name, column in of_places.items()}
        sizes = {"band": BAND, "clear": CLEAR, "cap": self.gap}
        return PointSet(three.reshape(-1, 3), columns, sizes, unit_slope=True)
