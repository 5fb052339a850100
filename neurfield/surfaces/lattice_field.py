"""A field at the points of a lattice: where it is asked, how steep it is, and where its surface may be."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

BLOCK = 8  # cubes along the edge of the level set's blocks

_COARSE_CELLS = 64  # along the longest side, for the first look, unless that makes them smaller than a block
_CELLS_AT_ONCE = 1 << 16  # that are divided; bounds the memory of the look
_SLOPES = 2048  # points at which the slope is measured
_USUAL, _STEEP = 0.95, 0.99  # shares of these that shall be less steep than reckoned with, and that are then
_SPARE = 1.1  # on top of a measured slope
_TOLERANCE = 1.05  # differences from point to point tell of curvature, too

Tell = Callable[[str, float], None]


class LatticeField:
    """The field at lattice points: positions follow from the integers, so a point is one in every call.

    Args:
        field: values [k] of points float32 [k, 3] on `device`.
        device: where it is.
        low: where the lattice begins [3], float64.
        voxel: from one point to the next.
        chunk: points per call.
        level: of the surface.
        least: values nearer to the level are moved away to it, on their side.

    Attributes:
        asked: how many points have been asked for.
    """

    def __init__(
        self,
        field: Callable[[Tensor], Tensor],
        device: torch.device,
        low: Tensor,
        voxel: float,
        chunk: int,
        level: float,
        least: float,
    ) -> None:
        self.field, self.device, self.low, self.voxel, self.chunk = field, device, low, voxel, chunk
        self.level, self.least, self.asked = level, least, 0

    def __call__(self, points: Tensor) -> Tensor:
        """Values float32 [k] of lattice points [k, 3], where the points are."""
        self.asked += len(points)
        values = torch.empty(points.shape[0], device=points.device)
        for start in range(0, points.shape[0], self.chunk):
            part = slice(start, start + self.chunk)
            positions = (
                (self.low.to(points.device) + points[part].double() * self.voxel).float().to(self.device)
            )
            values[part] = self.field(positions).detach().reshape(-1).float().to(points.device)
            wrong = ~torch.isfinite(values[part])
            if wrong.any():
                worst = int(wrong.nonzero()[0])
                raise ValueError(
                    f"extract_level_set: the field is {values[part][worst].item()} at "
                    f"{positions[worst].tolist()} (one of {int(wrong.sum())} such points of "
                    f"{len(positions)}); has the fit diverged?"
                )
        if self.least > 0.0:
            off = values - self.level
            moved = torch.where(off >= 0.0, off.clamp(min=self.least), off.clamp(max=-self.least))
            values = self.level + moved
        return values


class FirstLook(NamedTuple):
    """The field in the middles of the coarsest cells.

    Attributes:
        size: their edge, in cubes.
        cells: their places [k, 3].
        middles: lattice points [k, 3].
        values: there [k].
    """

    size: int
    cells: Tensor
    middles: Tensor
    values: Tensor


def first_look(at_lattice: LatticeField, cubes: Tensor) -> FirstLook:
    """Asks the field in the middles of the coarsest cells of a lattice of `cubes` [3]."""
    size = BLOCK
    while int(cubes.max()) > _COARSE_CELLS * size:
        size *= 2
    cells = torch.cartesian_prod(*[torch.arange(-(-int(n) // size)) for n in cubes]).to(cubes.device)
    middles = _middles(cells, cubes, size)
    return FirstLook(size, cells, middles, at_lattice(middles))


def reckoned_slope(at_lattice: LatticeField, cubes: Tensor, look: FirstLook, lipschitz: float) -> float:
    """The slope to reckon with: `lipschitz`, or more where the field is steeper near its surface.

    Differences from point to point are taken where the coarsest cells are nearest to the level. A fitted
    distance is steeper than 1 here and there; only where more than one in twenty of these is steeper than
    `lipschitz`, a tenth more than what ninety-nine in a hundred stay below is reckoned with.
    """
    if not math.isfinite(lipschitz):
        return lipschitz
    points = look.middles[(look.values - at_lattice.level).abs().argsort()[:_SLOPES]]
    # To the next point along each axis; at the far border to the one before.
    step = torch.where(points < cubes, 1, -1)
    here = at_lattice(points)
    square = torch.zeros_like(here)
    for axis in range(3):
        other = points.clone()
        other[:, axis] += step[:, axis]
        square += (at_lattice(other) - here).square()
    slopes = square.sqrt() / at_lattice.voxel
    if float(slopes.quantile(_USUAL)) <= _TOLERANCE * lipschitz:
        return lipschitz
    return max(lipschitz, _SPARE * float(slopes.quantile(_STEEP)))


def cells_near_surface(
    at_lattice: LatticeField, cubes: Tensor, look: FirstLook, lipschitz: float, tell: Tell
) -> tuple[Tensor, Tensor]:
    """The middles [k, 3] of the blocks that the surface may touch, and the values there [k]."""
    size, cells = look.size, look.cells
    children = torch.cartesian_prod(*[torch.arange(2)] * 3).to(cubes.device)  # of a cell
    while True:
        tell("looking for the surface", 1.0 - math.log2(size / BLOCK + 1) / math.log2(look.size / BLOCK + 2))
        kept, known = [], []
        for part in cells.split(_CELLS_AT_ONCE) if size < look.size else [cells]:
            middles, values = look.middles, look.values
            if size < look.size:
                part = (2 * part[:, None] + children).reshape(-1, 3)
                part = part[(part * size < cubes).all(dim=1)]
                middles = _middles(part, cubes, size)
                values = at_lattice(middles)
            # Not "<=", so that an infinite Lipschitz constant times anything keeps all.
            reach = lipschitz * 0.5 * math.sqrt(3.0) * size * at_lattice.voxel
            keep = ~((values - at_lattice.level).abs() > reach)
            kept.append(middles[keep] if size == BLOCK else part[keep])
            known.append(values[keep])
        cells = torch.cat(kept)
        if size == BLOCK:
            return cells, torch.cat(known)
        size //= 2


def _middles(cells: Tensor, cubes: Tensor, size: int) -> Tensor:
    """Lattice points [k, 3] in the middle of cells.

    Cells at the far border are cut off by it, and their middles moved in: the field is not asked outside of
    the lattice.
    """
    low = cells * size
    return (low + torch.minimum(low + size, cubes)) // 2
