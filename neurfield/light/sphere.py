"""Rays against a fitted field: steps as long as its distances allow, then the root of the last one.

Sphere tracing is Hart's (The Visual Computer 12, 1996); the root is Illinois' regula falsi. A coarse grid
says how much of the space around a place is certainly free, so that a field is asked near its surface alone.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from neurfield.errors import UserError
from neurfield.ops.ray_march import ray_box
from neurfield.rays import UnitFrame
from neurfield.surfaces.color import seen_along
from neurfield.surfaces.extractors import is_unsigned
from neurfield.surfaces.lattice_field import LatticeField, first_look, reckoned_slope
from neurfield.traced import SurfaceHits

CELLS = 96  # of the grid of free space, along the box's longest side
SLOPE = 1.25  # the steepest that is reckoned with, unless the field is found to be steeper
_FINEST = 1.0 / 1024  # unit lengths of the shortest step: a quarter of a voxel where 512 lie along the box
_MOST_STEPS = 2048
_ROOT_STEPS = 10
_ROOT = 1e-6  # unit lengths: a value that is zero
_ROWS = 1 << 18  # rays at once
_CHUNK = 1 << 16  # points at once, of the grid and of colours


class SphereTraced:
    """A field with signed distances as a surface that answers rays (`neurfield.traced.TracedSurface`).

    What is thinner than a quarter of a voxel (512 along the box) may be passed through.

    Args:
        field: in the unit coordinates of the box; `sdf` and `query` are asked.
        radiance: its colour; None: it has none.
        box: [2, 3] minimum and maximum, world.
        device: of the field.

    Raises:
        UserError: the field's distances have no sign.
    """

    def __init__(
        self, field: Any, radiance: Any | None, box: np.ndarray, device: torch.device | str = "cpu"
    ) -> None:
        if is_unsigned(field):
            raise UserError(
                "the field's distances have no sign, and rays do not know when they have passed its surface: "
                "give --tracer surface"
            )
        if hasattr(field, "encoding"):
            field.active_levels = field.encoding.levels
        self.field, self.radiance, self.device = field, radiance, torch.device(device)
        self.box = np.asarray(box, np.float64)
        self._frame = UnitFrame.around(self.box)
        self.origin = np.array(self._frame.centre)
        self.margin = 2.0 * _FINEST * self._frame.half
        self.has_color = radiance is not None
        self._unit_box = torch.tensor(self._frame.box_in_unit(self.box), dtype=torch.float32)
        self._free, self._low, self._cell, self.slope = self._look_around()

    @torch.no_grad()
    def _look_around(self) -> tuple[Tensor, Tensor, float, float]:
        """Free space [X, Y, Z] around middles of cells; the grid's corner [3], a cell's edge, the slope."""
        low, high = self._unit_box[:3].double(), self._unit_box[3:].double()
        cell = 2.0 / CELLS
        # Points of a lattice, of which cells are 8 apart, tell how steep the field is; see `LatticeField`.
        lattice = LatticeField(self._ask, self.device, low, cell / 8, _CHUNK, 0.0, 0.0)
        cubes = torch.ceil((high - low) / (cell / 8)).long()
        slope = reckoned_slope(lattice, cubes, first_look(lattice, cubes), SLOPE)
        size = [max(1, math.ceil(float(side) / cell)) for side in high - low]
        axes = [(torch.arange(n) + 0.5) * cell + float(start) for n, start in zip(size, low)]
        middles = torch.cartesian_prod(*axes).view(-1, 3).float().to(self.device)
        values = torch.cat([self._ask(part) for part in middles.split(_CHUNK)])
        return (values.abs() / slope).view(size), low.float().to(self.device), cell, slope

    def _ask(self, points: Tensor) -> Tensor:
        """Distances [N] at points [N, 3], unit coordinates."""
        return torch.as_tensor(self.field.sdf(points)).reshape(-1)

    def first_hits(self, origins: Tensor, directions: Tensor, t_max: Tensor | None = None) -> SurfaceHits:
        """See `neurfield.traced.TracedSurface`."""
        hits, colors = self._hits(origins, directions, t_max, head_on=True)
        return hits if colors is None else hits._replace(albedo=linear_from_srgb(colors))

    def pictured(self, origins: Tensor, directions: Tensor) -> tuple[SurfaceHits, Tensor]:
        """See `neurfield.traced.TracedSurface`."""
        hits, colors = self._hits(origins, directions, None, head_on=False)
        shown = torch.zeros_like(hits.position)
        return hits, shown if colors is None else torch.where(hits.hit[:, None], colors, shown)

    @torch.no_grad()
    def _hits(
        self, origins: Tensor, directions: Tensor, t_max: Tensor | None, head_on: bool
    ) -> tuple[SurfaceHits, Tensor | None]:
        """First hits, white, and colours [N, 3] there in sRGB, seen head-on or along the rays; else white."""
        half = self._frame.half
        position, normal = torch.zeros_like(origins), torch.zeros_like(origins)
        white = torch.ones_like(origins)
        colors = None if self.radiance is None else torch.ones_like(origins)
        o = origins / half
        t = self._first(o, directions, None if t_max is None else t_max / half)
        hit = torch.isfinite(t)
        for rows in hit.nonzero()[:, 0].split(_CHUNK):
            along = directions[rows]
            unit = o[rows] + t[rows, None] * along
            position[rows] = unit * half
            color, normal[rows] = seen_along(self.field, self.radiance, unit, None if head_on else along)
            if colors is not None and color is not None:
                colors[rows] = color
        return SurfaceHits(t * half, position, normal, white, hit), colors

    def _first(self, o: Tensor, d: Tensor, t_max: Tensor | None) -> Tensor:
        """Where N rays first change sides, [N] unit lengths; inf: nowhere."""
        t = torch.full((len(o),), math.inf, device=self.device)
        for rows in torch.arange(len(o), device=self.device).split(_ROWS):
            limit = None if t_max is None else t_max[rows]
            rays, near, far, at_near, at_far = self._crossings(o[rows], d[rows], limit)
            if len(rays):
                chosen = rows[rays]
                t[chosen] = self._roots(o[chosen], d[chosen], near, far, at_near, at_far)
        return t

    @torch.no_grad()
    def occluded(self, origins: Tensor, directions: Tensor, t_max: Tensor) -> Tensor:
        """See `neurfield.traced.TracedSurface`."""
        half = self._frame.half
        met = torch.zeros(len(origins), dtype=torch.bool, device=self.device)
        for rows in torch.arange(len(origins), device=self.device).split(_ROWS):
            rays = self._crossings(origins[rows] / half, directions[rows], t_max[rows] / half)[0]
            met[rows[rays]] = True
        return met

    @torch.no_grad()
    def seen(self, hits: SurfaceHits, directions: Tensor) -> Tensor:
        """See `neurfield.traced.TracedSurface`."""
        colors = torch.zeros_like(hits.position)
        for rows in hits.hit.nonzero()[:, 0].split(_CHUNK):
            unit = hits.position[rows] / self._frame.half
            color, _ = seen_along(self.field, self.radiance, unit, directions[rows])
            if color is not None:
                colors[rows] = color
        return colors

    def _crossings(
        self, o: Tensor, d: Tensor, t_max: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """Which of N rays change sides, between which t, and the field's values there; unit lengths.

        Values are positive on the side on which a ray begins.
        """
        t, end = ray_box(o, d, self._unit_box.to(self.device))
        t = t.clamp_min(0.0)
        if t_max is not None:
            end = torch.minimum(end, t_max)
        rays = (end > t).nonzero()[:, 0]
        o, d, t, end = o[rays], d[rays], t[rays], end[rays]
        before = self._ask(o + t[:, None] * d) if len(rays) else t
        side = torch.where(before < 0.0, -1.0, 1.0)
        before, last = before.abs(), t
        found: list[tuple[Tensor, ...]] = []
        t = t + (before / self.slope).clamp_min(_FINEST)
        for _ in range(_MOST_STEPS):
            going = last < end
            if not bool(going.all()):
                rays, o, d, end, side, before, last, t = (
                    part[going] for part in (rays, o, d, end, side, before, last, t)
                )
            if not len(rays):
                break
            t = torch.minimum(t, end)
            points = o + t[:, None] * d
            ahead = self._free_around(points)
            value = ahead * self.slope
            close = (ahead < 0.5 * self._cell).nonzero()[:, 0]
            if len(close):
                value[close] = self._ask(points[close]) * side[close]
            through = value <= 0.0
            if bool(through.any()):
                found.append((rays[through], last[through], t[through], before[through], value[through]))
                stay = ~through
                rays, o, d, end, side, before, last, t, value = (
                    part[stay] for part in (rays, o, d, end, side, before, last, t, value)
                )
            last, before = t, value
            t = t + (value / self.slope).clamp_min(_FINEST)
        if not found:
            nothing = o.new_zeros(0)
            return rays.new_zeros(0), nothing, nothing, nothing, nothing
        rays, near, far, at_near, at_far = (torch.cat(parts) for parts in zip(*found))
        return rays, near, far, at_near, at_far

    def _free_around(self, points: Tensor) -> Tensor:
        """How far it certainly is to the surface from points [N, 3], unit lengths, as the grid knows."""
        place = (points - self._low) / self._cell
        size = torch.tensor(self._free.shape, device=place.device)
        cell = torch.minimum(place.long().clamp_min(0), size - 1)
        off = (place - cell - 0.5).norm(dim=1) * self._cell
        flat = (cell[:, 0] * size[1] + cell[:, 1]) * size[2] + cell[:, 2]
        return self._free.view(-1)[flat] - off

    def _roots(
        self, o: Tensor, d: Tensor, near: Tensor, far: Tensor, at_near: Tensor, at_far: Tensor
    ) -> Tensor:
        """Where the field is zero between near and far, with values > 0 and <= 0 there: t [K]."""
        side = torch.where(self._ask(o + near[:, None] * d) < 0.0, -1.0, 1.0)
        best, moved = (
            far,
            torch.zeros_like(far),
        )  # moved: 1 if the last step moved the near end, -1 the far one
        for _ in range(_ROOT_STEPS):
            share = at_near / (at_near - at_far).clamp_min(1e-20)
            best = near + share.clamp(0.01, 0.99) * (far - near)
            value = self._ask(o + best[:, None] * d) * side
            if bool((value.abs() < _ROOT).all()):
                break
            front = value > 0.0
            # Illinois: an end that stays twice loses half of its weight, or it would stay for good.
            at_far = torch.where(front, torch.where(moved > 0, 0.5 * at_far, at_far), value)
            at_near = torch.where(front, value, torch.where(moved < 0, 0.5 * at_near, at_near))
            near, far = torch.where(front, best, near), torch.where(front, far, best)
            moved = torch.where(front, 1.0, -1.0)
        return best


def linear_from_srgb(color: Tensor) -> Tensor:
    """Linear values of sRGB ones in 0..1 (IEC 61966-2-1)."""
    color = color.clamp(0.0, 1.0)
    return torch.where(color <= 0.04045, color / 12.92, ((color + 0.055) / 1.055) ** 2.4)
