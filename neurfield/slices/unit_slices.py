"""Slices in the unit coordinates of their box, where fields are fitted to them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from neurfield.rays import UnitFrame
from neurfield.slices.cells import Cells
from neurfield.slices.contours import Plane, Slice, Slices
from neurfield.slices.planar import around_loops, edges_of, inside, signed_distance

MARGIN = 0.25  # of the distance of planes on either side: so deep within both, a place is certain


@dataclass(frozen=True)
class OnContours:
    """Places on contours.

    Attributes:
        points: [N, 3] unit coordinates.
        across: [N, 3] unit, in the plane and away from what is inside.
        axis: [N, 3] unit, the plane's normal.
    """

    points: Tensor
    across: Tensor
    axis: Tensor


@dataclass(frozen=True)
class InPlanes:
    """Places in the planes.

    Attributes:
        points: [N, 3] unit coordinates.
        sdf: [N] to the contours of their plane, unit lengths, negative inside; no surface is farther away;
            infinite in a plane without contours.
        axis: [N, 3] unit, the plane's normal.
    """

    points: Tensor
    sdf: Tensor
    axis: Tensor


@dataclass(frozen=True)
class Between:
    """Places off the planes.

    Attributes:
        points: [N, 3] unit coordinates.
        side: [N] -1 where planes around show the inside, 1 where the outside, 0 where neither for certain.
        told: [N] distance interpolated from planes around, up to the gap, unit lengths; nan where none is.
    """

    points: Tensor
    side: Tensor
    told: Tensor


class UnitSlices:
    """Contours of one label with their box, and what is asked of them there.

    Args:
        slices: in the world.
        box: [2, 3] minimum and maximum, world; None: the slices' own.
    """

    def __init__(self, slices: Slices, box: np.ndarray | None = None) -> None:
        self.slices = slices
        self.box = slices.box if box is None else np.asarray(box, np.float64).reshape(2, 3)
        self.frame = UnitFrame.around(self.box)
        self.unit_box = self.frame.box_in_unit(self.box)

    def loops(self, one: Slice) -> list[np.ndarray]:
        """Corners [n, 2] of the contours of a slice."""
        return [contour.corners for contour in one.contours]

    @property
    def gap(self) -> float:
        """How far apart planes are where they tell of the thing, unit lengths.

        The mean distance of parallel ones; of turned ones, that of as many parallel ones through the box.
        """
        gaps = self.slices.gaps
        if len(gaps):
            return float(gaps.mean()) / self.frame.half
        return float(np.ptp(self.box, axis=0).mean()) / (len(self.slices.slices) + 1) / self.frame.half

    @property
    def ends(self) -> tuple[Slice, ...]:
        """Planes beyond all contours, where nothing is left.

        Of parallel planes one at either end, as far out as its neighbour is on the other side, unless the
        last one is empty already; of turned ones the sides of the box.
        """
        slices = self.slices.slices
        if not len(self.slices.gaps):
            sides = [(np.eye(3)[k], float(self.box[end, k])) for k in range(3) for end in (0, 1)]
            return tuple(Slice(Plane.of(normal, offset)) for normal, offset in sides)
        normal = slices[0].plane.normal
        ordered = sorted(slices, key=lambda one: float(one.plane.origin @ normal))
        places = [float(one.plane.origin @ normal) for one in ordered]
        first, last = 2.0 * places[0] - places[1], 2.0 * places[-1] - places[-2]
        both = ((ordered[0], first), (ordered[-1], last))
        return tuple(Slice(Plane.of(normal, place)) for one, place in both if one.contours)

    def on_contours(self, count: int, seed: int = 0) -> OnContours:
        """Places spread over all contours by length."""
        random = np.random.default_rng(seed)
        each = [(one, edges_of(self.loops(one))) for one in self.slices.slices]
        each = [(one, edges) for one, edges in each if len(edges)]
        lengths = [np.linalg.norm(edges[:, 1] - edges[:, 0], axis=1) for _, edges in each]
        total = np.array([float(length.sum()) for length in lengths])
        shares = random.multinomial(count, total / total.sum())
        points, across, axes = [], [], []
        for (one, edges), length, share in zip(each, lengths, shares):
            row = random.choice(len(edges), share, p=length / length.sum())
            ends = edges[row]
            flat = ends[:, 0] + random.random((share, 1)) * (ends[:, 1] - ends[:, 0])
            along = (ends[:, 1] - ends[:, 0]) / length[row, None]
            outward = np.stack([along[:, 1], -along[:, 0]], axis=1)
            step = 1e-6 * float(np.ptp(edges.reshape(-1, 2), axis=0).max())
            outward[inside(flat + step * outward, self.loops(one))] *= -1.0
            points.append(one.plane.world(flat))
            across.append(outward @ one.plane.axes)
            axes.append(np.tile(one.plane.normal, (share, 1)))
        unit = self.frame.unit_from_world(np.concatenate(points))
        return OnContours(_tensor(unit), _tensor(np.concatenate(across)), _tensor(np.concatenate(axes)))

    def in_planes(self, count: int, widths: tuple[float, float], far: float, seed: int = 0) -> InPlanes:
        """Places around contours, and anywhere in the part of each plane that lies in the box.

        Args:
            count: of places; some of them fall out of the box and are left out.
            widths: of the noise that moves places off contours, unit lengths; all between count alike.
            far: share of the places that lie anywhere.
            seed: draws them.
        """
        random = np.random.default_rng(seed)
        scaled = widths[0] * self.frame.half, widths[1] * self.frame.half
        planes = (*self.slices.slices, *self.ends)
        points, distances, axes = [], [], []
        for one in planes:
            share, loops = count // len(planes), self.loops(one)
            anywhere = self.anywhere(one, share if not loops else int(far * share), random)
            flat = anywhere
            if loops:
                near = around_loops(loops, share - len(anywhere), scaled, random)
                flat = np.concatenate([near, anywhere])
            world = one.plane.world(flat)
            within = ((world >= self.box[0]) & (world <= self.box[1])).all(axis=1)
            points.append(world[within])
            distances.append(signed_distance(flat[within], loops) / self.frame.half)
            axes.append(np.tile(one.plane.normal, (int(within.sum()), 1)))
        unit = self.frame.unit_from_world(np.concatenate(points))
        return InPlanes(_tensor(unit), _tensor(np.concatenate(distances)), _tensor(np.concatenate(axes)))

    def between(self, count: int, seed: int = 0) -> Between:
        """Places off the planes, half within a gap of contours, and what planes around them tell."""
        random = np.random.default_rng(seed)
        gap = self.gap * self.frame.half
        near = self.on_contours(count // 2, seed)
        on, axis = self.frame.world_from_unit(near.points.double().numpy()), near.axis.double().numpy()
        close = (
            on
            + gap * random.uniform(-1.0, 1.0, (len(on), 1)) * axis
            + 0.3 * gap * random.normal(size=on.shape)
        )
        anywhere = random.uniform(self.box[0], self.box[1], (count - len(on), 3))
        # On a side of the box itself lines would miss that side, and end on planes where no table reaches.
        inset = 1e-6 * np.ptp(self.box, axis=0)
        world = np.clip(np.concatenate([close, anywhere]), self.box[0] + inset, self.box[1] - inset)
        around = self.cells().around(world)
        told = around.interpolated(gap) / self.frame.half
        return Between(
            _tensor(self.frame.unit_from_world(world)), _tensor(around.sides(MARGIN)), _tensor(told)
        )

    def cells(self, exact: bool = False) -> Cells:
        """The cells that planes and ends cut the box into; `exact`: without tables."""
        return Cells(
            [(one.plane, self.loops(one)) for one in (*self.slices.slices, *self.ends)], self.box, exact=exact
        )

    def anywhere(self, one: Slice, count: int, random: np.random.Generator) -> np.ndarray:
        """Places [k, 2] of a plane within the box's shadow on it."""
        corners = np.array([[self.box[i, 0], self.box[j, 1], self.box[k, 2]] for i in (0, 1) for j in (0, 1)
                            for k in (0, 1)])  # fmt: skip
        flat = one.plane.flat(corners)
        return random.uniform(flat.min(axis=0), flat.max(axis=0), (count, 2))


def _tensor(values: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values)).float()
