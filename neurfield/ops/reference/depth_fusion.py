"""Depth fusion in plain torch: the specification of `neurfield.ops.depth_fusion`."""

from __future__ import annotations

import math

import torch
from torch import Tensor

EDGE = 8
AGREEING = 2  # views that it takes to call a place free


def touched_bricks(
    depth: Tensor,
    cam_from_grid: Tensor,
    intrinsics: Tensor,
    brick: float,
    reach: float,
    stride: int,
    marks: Tensor,
) -> Tensor:
    """Marks, in place, the bricks along the rays of every `stride`-th pixel around its depth."""
    steps = math.ceil(4.0 * reach / brick) + 1
    size = torch.tensor(marks.shape)
    rows, columns = (torch.arange(stride // 2, n, stride) for n in depth.shape[1:])
    for map_, pose, (fx, fy, cx, cy) in zip(depth, cam_from_grid, intrinsics):
        z = map_[rows][:, columns]
        x = ((columns + 0.5 - cx) / fx).expand_as(z)
        y = ((rows[:, None] + 0.5 - cy) / fy).expand_as(z)
        for s in range(steps):
            at = z - reach + 2.0 * reach * s / (steps - 1)
            points = (torch.stack([x * at, y * at, at], dim=-1) - pose[:, 3]) @ pose[:, :3]
            places = points / brick  # compared before they become integers: they may be no numbers
            inside = (z > 0) & (at > 0) & ((places >= 0) & (places < size)).all(dim=-1)
            a, b, c = places[inside].long().unbind(1)
            marks[a, b, c] = 1
    return marks


def free_bricks(
    depth: Tensor, cam_from_grid: Tensor, intrinsics: Tensor, brick: float, margin: float, seen: Tensor
) -> Tensor:
    """Marks, in place, the bricks whose centre enough views see well in front of their surface."""
    cells = torch.ones(seen.shape).nonzero()
    needed = 0.5 * math.sqrt(3.0) * brick + margin
    through = torch.zeros(len(cells), dtype=torch.int64)
    hits = torch.zeros_like(through)
    for map_, pose, lens in zip(depth, cam_from_grid, intrinsics):
        z, pixel = _look_up(map_, (cells + 0.5) * brick, pose, lens)
        known = torch.where(pixel >= 0, map_.reshape(-1)[pixel.clamp_min(0)], torch.zeros_like(z))
        through += (pixel >= 0) & (known - z > needed)
        hits += (pixel >= 0) & (known > 0) & ((known - z).abs() <= needed)
    seen.view(-1)[(through >= AGREEING) & (through > hits)] = 1
    return seen


def integrate(
    depth: Tensor,
    weight: Tensor | None,
    normal: Tensor | None,
    cam_from_grid: Tensor,
    intrinsics: Tensor,
    bricks: Tensor,
    voxel: float,
    truncation: float,
    distance: Tensor,
    weight_sum: Tensor,
    normals: Tensor | None,
) -> None:
    """Running means, in place, view after view."""
    lattice = torch.ones(EDGE, EDGE, EDGE).nonzero()  # [512, 3], z fastest
    centres = ((bricks[:, None] * EDGE + lattice + 0.5) * voxel).reshape(-1, 3)
    mean, total = distance.view(-1), weight_sum.view(-1)
    for i, (map_, pose, lens) in enumerate(zip(depth, cam_from_grid, intrinsics)):
        z, pixel = _look_up(map_, centres, pose, lens)
        known = torch.where(pixel >= 0, map_.reshape(-1)[pixel.clamp_min(0)], torch.zeros_like(z))
        ahead = known - z
        rows = ((known > 0) & (ahead > -truncation)).nonzero()[:, 0]
        pixel, ahead = pixel[rows], ahead[rows]
        added = (1.0 + ahead / truncation).clamp_max(1.0)
        if weight is not None:
            added = added * weight[i].reshape(-1)[pixel]
        total[rows] += added
        share = added / total[rows].clamp_min(1e-20)
        mean[rows] += (ahead.clamp_max(truncation) - mean[rows]) * share
        if normal is not None and normals is not None:
            seen = normal[i].reshape(-1, 4)[pixel, :3].float() / 127.5 - 1.0
            brick, place = rows // EDGE**3, rows % EDGE**3
            normals[brick, :, place] += (seen - normals[brick, :, place]) * share[:, None]


def _look_up(map_: Tensor, points: Tensor, pose: Tensor, lens: Tensor) -> tuple[Tensor, Tensor]:
    """z-depth [k] of points [k, 3] and the index of the pixel that sees each, -1 where none does."""
    height, width = map_.shape
    x, y, z = (points @ pose[:, :3].T + pose[:, 3]).unbind(1)
    u = lens[0] * x / z.clamp_min(1e-6) + lens[2]
    v = lens[1] * y / z.clamp_min(1e-6) + lens[3]
    seen = (z > 1e-3) & (u >= 0) & (v >= 0) & (u < width) & (v < height)
    pixel = v.nan_to_num().clamp(0, height - 1).long() * width + u.nan_to_num().clamp(0, width - 1).long()
    return z, torch.where(seen, pixel, torch.full_like(pixel, -1))
