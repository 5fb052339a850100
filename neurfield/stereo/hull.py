"""The visual hull of outlined objects, and where rays enter and leave it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from neurfield.errors import UserError
from neurfield.ops.stereo_pictures import StereoPictures

_COARSE, _FINER = 32, 3  # cells along the box's longest side, and how much finer cells at the border are
_IN_MASKS = 0.95  # of the pictures that see a cell, so that a few bad masks do not cut it away
_MANY = 12  # pictures from which one mask may be bad


@dataclass(frozen=True)
class Hull:
    """Cells on the border of what lies inside all masks.

    Attributes:
        points: [k, 3] float64, their centres, world.
        cell: the length of their edges, world.
    """

    points: Tensor
    cell: float

    def depths(self, pictures: StereoPictures, i: int) -> tuple[Tensor, Tensor]:
        """The nearest and the farthest depth at which the ray of each pixel of picture i may meet the hull.

        Both are float32 [h, w], by up to three cells too wide, 0 where the ray misses the hull.
        """
        h, w = pictures.grey.shape[1:]
        pose = pictures.cam_from_world[i]
        fx, fy, cx, cy = pictures.lens[i].double().unbind()
        x, y, z = (self.points @ pose[:3, :3].T + pose[:3, 3]).unbind(1)
        before = z > self.cell
        x, y, z = x[before], y[before], z[before]
        column, row = (x / z * fx + cx).floor(), (y / z * fy + cy).floor()
        reach = 1 if not len(z) else int(torch.ceil(self.cell * torch.maximum(fx, fy) / z.min()))
        shown = (column >= -reach) & (column < w + reach) & (row >= -reach) & (row < h + reach)
        place = ((row[shown] + reach) * (w + 2 * reach) + column[shown] + reach).long()
        z = z[shown].float()
        size = (h + 2 * reach) * (w + 2 * reach)
        none = torch.full((size,), -torch.inf)
        # A cell fills the pixels around its centre: the largest in a square stands for it.
        far, near = (
            _largest_around(none.scatter_reduce(0, place, value, "amax").view(h + 2 * reach, -1), reach)
            for value in (z, -z)
        )
        valid = far.isfinite()
        zero = torch.zeros_like(far)
        near = torch.where(valid, (-near - 1.5 * self.cell).clamp_min(0.1 * self.cell), zero)
        return near, torch.where(valid, far + 1.5 * self.cell, zero)


def _largest_around(values: Tensor, reach: int) -> Tensor:
    """The largest of the values [h + 2 reach, w + 2 reach] in squares of 2 reach + 1 around: [h, w]."""
    size = 2 * reach + 1
    for axis in (0, 1):  # along columns, then along rows, each time of twice as many
        width = 1
        while width < size:
            step = min(width, size - width)
            count = values.shape[axis] - step
            values = torch.maximum(values.narrow(axis, 0, count), values.narrow(axis, step, count))
            width += step
    return values


def visual_hull(pictures: StereoPictures, box: np.ndarray) -> Hull:
    """What lies inside the masks (`inside`) of nearly all pictures that see it, or outside all pictures.

    Args:
        pictures: with their masks.
        box: [2, 3] that holds the object, world.

    Raises:
        UserError: nothing is left.
    """
    assert pictures.inside is not None
    cell = float((box[1] - box[0]).max()) / _COARSE
    sides = np.ceil((box[1] - box[0]) / cell).astype(int)
    axes = [torch.arange(int(side)) for side in sides]
    cells = torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1).reshape(-1, 3)
    low = torch.from_numpy(np.asarray(box[0], np.float64))
    kept = cells[_inside(pictures, low + (cells + 0.5) * cell, cell)]
    parts = torch.arange(_FINER)
    corners = torch.stack(torch.meshgrid(parts, parts, parts, indexing="ij"), dim=-1).reshape(-1, 3)
    border = _border(kept, sides)
    finer = (kept[border][:, None] * _FINER + corners).reshape(-1, 3)
    fine = cell / _FINER
    points = low + (finer + 0.5) * fine
    points = points[_inside(pictures, points, fine)]
    if not len(points):
        first, last = ("(" + ", ".join(f"{value:.3g}" for value in corner) + ")" for corner in box)
        raise UserError(
            f"no place of the box {first} to {last} is inside the masks of all pictures: the box lies beside "
            "the object (data.box, or aabb of transforms.json), the poses are in other axes, or masks are "
            "not white on the object"
        )
    return Hull(points, fine)


def _border(cells: Tensor, sides: np.ndarray) -> Tensor:
    """Which of some cells int64 [k, 3] of a grid have a neighbour that is none of them: bool [k]."""
    grid = torch.zeros([int(side) + 2 for side in sides], dtype=torch.bool)
    x, y, z = (cells + 1).unbind(1)
    grid[x, y, z] = True
    within = torch.ones(len(cells), dtype=torch.bool)
    for dx in (-1, 0, 1):
        for dy in (-1, 0, 1):
            for dz in (-1, 0, 1):
                within &= grid[x + dx, y + dy, z + dz]
    return ~within


def _inside(pictures: StereoPictures, centres: Tensor, cell: float) -> Tensor:
    """Which cells [k, 3] (world centres) touch the masks of nearly all pictures that show them: bool [k]."""
    assert pictures.inside is not None
    h, w = pictures.grey.shape[1:]
    if not len(centres):
        return torch.zeros(0, dtype=torch.bool)
    shows, in_mask = (torch.zeros(len(centres), dtype=torch.int32) for _ in range(2))
    middle = centres.mean(dim=0)
    local = (centres - middle).float()
    for i in range(len(pictures)):
        pose = pictures.cam_from_world[i]
        fx, fy, cx, cy = (float(v) for v in pictures.lens[i])
        at = local @ pose[:3, :3].T.float() + (pose[:3, :3] @ middle + pose[:3, 3]).float()
        z = at[:, 2].clamp_min(1e-6)
        column = (at[:, 0] / z * fx + cx).floor().long()
        row = (at[:, 1] / z * fy + cy).floor().long()
        shown = (at[:, 2] > 1e-6) & (column >= 0) & (column < w) & (row >= 0) & (row < h)
        # Half the diagonal of a cell, in pixels at the middle of all cells: what touches the mask is kept.
        typical = float(z.median())
        reach = max(0, round(0.87 * cell * max(fx, fy) / typical))
        mask = pictures.inside[i].float()
        wide = _largest_around(torch.nn.functional.pad(mask, (reach,) * 4), reach) > 0
        shows += shown
        in_mask += shown & wide[row.clamp(0, h - 1), column.clamp(0, w - 1)]
    enough = _IN_MASKS * shows
    if len(pictures) >= _MANY:
        enough = torch.minimum(enough, shows - 1.0)
    return (shows >= 0.5 * len(pictures)) & (in_mask >= enough)
