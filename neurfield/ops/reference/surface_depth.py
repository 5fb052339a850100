"""Depth maps of a sparse volume in plain torch: the specification of `neurfield.ops.surface_depth`."""

from __future__ import annotations

import math

import torch
from torch import Tensor

EDGE = 8


def surface_depth(
    row: Tensor,
    distance: Tensor,
    voxel: float,
    cam_from_grid: Tensor,
    intrinsics: Tensor,
    wanted: Tensor,
    seen: Tensor,
) -> None:
    """Fills `seen`, one voxel after the other along all rays at once."""
    size = torch.tensor(row.shape) * EDGE
    for i, (pose, (fx, fy, cx, cy)) in enumerate(zip(cam_from_grid, intrinsics)):
        v, u = wanted[i].nonzero().unbind(1)
        rays = torch.stack([(u + 0.5 - cx) / fx, (v + 0.5 - cy) / fy, torch.ones_like(u)], dim=1)
        origin, along = -(pose[:, 3] @ pose[:, :3]) / voxel, rays @ pose[:, :3] / voxel
        if not (torch.isfinite(origin).all() and torch.isfinite(along).all()):
            continue
        step = 1.0 / along.norm(dim=1)
        farthest = torch.maximum(origin.abs(), (size - origin).abs()).norm()
        found, before = torch.zeros(len(rays)), torch.full((len(rays),), math.nan)
        before_z = torch.zeros(len(rays))
        for k in range(math.ceil(farthest) + 1):
            z = k * step
            here = _read(row, distance, origin + z[:, None] * along)
            crosses = (found == 0) & (before > 0) & (here < 0)
            place = before_z + (z - before_z) * before / (before - here)
            found = torch.where(crosses, place, found)
            known = ~torch.isnan(here)
            before, before_z = torch.where(known, here, before), torch.where(known, z, before_z)
        seen[i, v, u] = found


def _read(row: Tensor, distance: Tensor, places: Tensor) -> Tensor:
    """Distances at places [P, 3], counted in voxels, trilinear; NaN where one of the voxels is not known."""
    first = (places - 0.5).floor()
    share = places - 0.5 - first
    sums = torch.zeros(len(places))
    for corner in torch.ones(2, 2, 2).nonzero():
        cell = first.long() + corner
        brick = cell.div(EDGE, rounding_mode="floor")
        inside = ((brick >= 0) & (brick < torch.tensor(row.shape))).all(dim=1)
        a, b, c = torch.where(inside[:, None], brick, 0).unbind(1)
        number, (x, y, z) = row[a, b, c], (cell - brick * EDGE).unbind(1)
        some = inside & (number >= 0)
        value = torch.full_like(sums, math.nan)
        value[some] = distance.view(-1, EDGE, EDGE, EDGE)[number[some], x[some], y[some], z[some]]
        sums = sums + torch.where(corner.bool(), share, 1.0 - share).prod(dim=1) * value
    return sums
