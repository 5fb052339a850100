"""What tiny networks are taught by: a fitted field and its colour, asked in the cells and on their faces."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import normalize

from neurfield.errors import UserError
from neurfield.fields import Color, DistanceField, Shaded
from neurfield.fields.cells import Cells
from neurfield.fields.kilo import FINENESS
from neurfield.ops.cells import FREE, MATTER

AT_ONCE = 1 << 18  # points
LOOKS = 4  # along a cell's edge, where it is decided whether it is near the surface
NEAR = 0.25  # of an edge: a cell keeps its network if the surface may be so near to one of its looks
CLOSE = 0.015  # of an edge, how far samples close to the surface are from it
STEEPEST = 3.0  # what a gradient may be at most where a point is moved onto the surface by it


@dataclass(frozen=True)
class Taught:
    """N points and what the teacher says of them.

    Attributes:
        points: [N, 3], unit coordinates.
        sdf: [N], unit lengths.
        gradient: [N, 3].
        views: [N, 3], unit directions that look at the surface from free space.
        rgb: [N, 3]; None: the teacher knows no colours.
    """

    points: Tensor
    sdf: Tensor
    gradient: Tensor
    views: Tensor
    rgb: Tensor | None

    def part(self, rows: Any) -> Taught:
        """Some of the points."""
        rgb = None if self.rgb is None else self.rgb[rows]
        return Taught(self.points[rows], self.sdf[rows], self.gradient[rows], self.views[rows], rgb)

    def reshaped(self, *shape: int) -> Taught:
        """The same with their first axis as several, or several as one."""

        def one(tensor: Tensor) -> Tensor:
            return tensor.reshape(*shape, *((3,) if tensor.shape[-1] == 3 else ()))

        rgb = None if self.rgb is None else one(self.rgb)
        return Taught(one(self.points), self.sdf.reshape(*shape), one(self.gradient), one(self.views), rgb)


class Teacher:
    """A fitted field, and its colour where it has one.

    Args:
        field: signed, in unit coordinates.
        color: of it; None: it has none.
    """

    def __init__(self, field: DistanceField, color: Color | None) -> None:
        self.field, self.color = field, color

    @torch.no_grad()
    def sdf(self, points: Tensor) -> Tensor:
        """Distances [N] at points [N, 3]."""
        return torch.cat([self.field.sdf(part) for part in points.split(AT_ONCE)] or [points[:, 0]])

    @torch.no_grad()
    def tell(self, points: Tensor, generator: torch.Generator, views: Tensor | None = None) -> Taught:
        """All that it knows at points [N, 3], seen along views [N, 3]; None: from random sides."""
        along = [None] * len(points.split(AT_ONCE)) if views is None else views.split(AT_ONCE)
        told = [self._tell(*given, generator) for given in zip(points.split(AT_ONCE), along)]
        rgb = [one.rgb for one in told if one.rgb is not None]
        return Taught(
            torch.cat([one.points for one in told]), torch.cat([one.sdf for one in told]),
            torch.cat([one.gradient for one in told]), torch.cat([one.views for one in told]),
            torch.cat(rgb) if rgb else None,
        )  # fmt: skip

    def _tell(self, points: Tensor, views: Tensor | None, generator: torch.Generator) -> Taught:
        sample = self.field.query(points, gradient=True)
        assert sample.gradient is not None
        normal = normalize(sample.gradient, dim=1, eps=1e-6)
        if views is None:
            views = normalize(torch.randn(len(points), 3, generator=generator), dim=1)
            views = torch.where((views * normal).sum(dim=1, keepdim=True) > 0.0, -views, views)
        rgb = None
        if self.color is not None:
            shaded = self.color(points, sample.feature, normal, self.color.encode_views(views))
            rgb = (shaded.rgb if isinstance(shaded, Shaded) else shaded).clamp(0.0, 1.0)
        return Taught(points, sample.sdf, sample.gradient, views, rgb)

    @torch.no_grad()
    def onto_surface(self, points: Tensor, generator: torch.Generator, spread: float) -> Tensor:
        """Points [N, 3] moved onto the surface along the gradient, and off it again by `spread` about."""
        moved = []
        for part in points.split(AT_ONCE):
            sample = self.field.query(part, gradient=True)
            assert sample.gradient is not None
            square = sample.gradient.square().sum(dim=1, keepdim=True).clamp(1.0 / STEEPEST, STEEPEST)
            noise = spread * torch.randn(len(part), 3, generator=generator)
            moved.append(part - sample.sdf[:, None] * sample.gradient / square + noise)
        return torch.cat(moved) if moved else points


def cells_of(teacher: Teacher, unit_box: list[float], cells: int) -> tuple[Cells, Tensor]:
    """The grid of cells over a box, those near the surface with a network; and the lattice of distances.

    Args:
        teacher: asked for distances.
        unit_box: xmin ymin zmin xmax ymax zmax, unit coordinates.
        cells: along the longest side of the box.

    Raises:
        UserError: the teacher has no surface in the box.
    """
    low, high = torch.tensor(unit_box, dtype=torch.float64).view(2, 3)
    edge = float((high - low).max()) / cells
    size = ((high - low) / edge - 1e-6).ceil().long().clamp_min(1)
    low = 0.5 * (low + high) - 0.5 * edge * size
    axes = [low[a] + edge / LOOKS * torch.arange(LOOKS * int(size[a]) + 1) for a in range(3)]
    shape = [len(axis) for axis in axes]
    looks = torch.cartesian_prod(*(axis.float() for axis in axes))
    sdf = teacher.sdf(looks).view(shape)
    if not (bool((sdf < 0.0).any()) and bool((sdf > 0.0).any())):
        raise UserError("the run's surface is empty, there is nothing to distil: fit for longer")
    windows = sdf
    for axis in range(3):
        windows = windows.unfold(axis, LOOKS + 1, LOOKS)
    windows = windows.reshape(*size.tolist(), -1)
    near = (windows.abs().amin(dim=3) < NEAR * edge) | ((windows < 0).any(dim=3) & (windows > 0).any(dim=3))
    middle = sdf[tuple(slice(LOOKS // 2, None, LOOKS) for _ in range(3))]
    table = torch.where(middle < 0.0, MATTER, FREE).to(torch.int32)
    table[near] = torch.arange(int(near.sum()), dtype=torch.int32)
    step = LOOKS // FINENESS
    lattice = sdf[::step, ::step, ::step].contiguous()
    return Cells(table, low.tolist(), edge), lattice


def faces_of(cells: Cells) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Faces between cells with networks: numbers a and b [F], a's place [F, 3], the axis [F]; int64."""
    found = []
    for axis in range(3):
        below, above = (
            cells.table.narrow(axis, 0, cells.table.shape[axis] - 1),
            cells.table.narrow(axis, 1, cells.table.shape[axis] - 1),
        )
        place = ((below >= 0) & (above >= 0)).nonzero()
        a, b = (side[tuple(place.unbind(1))].long() for side in (below, above))
        found.append((a, b, place, torch.full_like(a, axis)))
    a, b, place, along = (torch.cat(parts) for parts in zip(*found))
    return a, b, place, along
