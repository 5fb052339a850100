"""Depth fusion in plain torch: the specification of `neurfield.ops.depth_fusion`."""

from __future__ import annotations

import math

import torch
from torch import Tensor

EDGE = 8
SURE = 2.0  # sigma behind a view's surface in which it counts in full
CERTAIN = 4.0  # votes of a view in which a place lies off the object's mask


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


def votes(
    depth: Tensor,
    sigma: Tensor | None,
    trust: Tensor | None,
    outline: Tensor | None,
    cam_from_grid: Tensor,
    intrinsics: Tensor,
    places: Tensor,
    reach: float,
    least: float,
    margin: float,
    free: Tensor,
    hits: Tensor,
    outside: Tensor | None,
) -> None:
    """Adds up, in place, what each map says of each place."""
    for i, (map_, pose, lens) in enumerate(zip(depth, cam_from_grid, intrinsics)):
        z, pixel = _look_up(map_, places, pose, lens)
        place, shown = pixel.clamp_min(0), pixel >= 0
        known = torch.where(shown, map_.reshape(-1)[place], torch.zeros_like(z))
        off = torch.zeros_like(shown)
        if outline is not None and outside is not None:
            length = _between_centres(outline[i], places, pose, lens) * z / lens[0]
            length = torch.where(shown, length, torch.full_like(length, -math.inf))
            outside.copy_(torch.fmax(outside, length))
            off = length > reach
        needed = reach + (least + 2.0 * sigma[i].reshape(-1)[place] if sigma is not None else margin)
        count = torch.ones_like(z)
        if trust is not None:
            count = trust[i].reshape(-1)[place].nan_to_num(0.0).clamp(0.0, 1.0)
        says = (known > 0) & ~off
        free += CERTAIN * off + count * (says & (known - z > needed))
        hits += count * (says & ((known - z).abs() <= needed))


def integrate(
    depth: Tensor,
    weight: Tensor | None,
    normal: Tensor | None,
    sigma: Tensor | None,
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
        sure = torch.zeros_like(ahead)
        if sigma is not None:
            sure = (SURE * sigma[i].reshape(-1)[pixel].nan_to_num(0.0)).clamp(0.0, 0.999 * truncation)
        added = ((ahead + truncation) / (truncation - sure)).clamp_max(1.0)
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
    u, v, z = _in_picture(points, pose, lens)
    seen = (z > 1e-3) & (u >= 0) & (v >= 0) & (u < width) & (v < height)
    pixel = v.nan_to_num().clamp(0, height - 1).long() * width + u.nan_to_num().clamp(0, width - 1).long()
    return z, torch.where(seen, pixel, torch.full_like(pixel, -1))


def _between_centres(map_: Tensor, points: Tensor, pose: Tensor, lens: Tensor) -> Tensor:
    """Values of a map where points [k, 3] are seen, bilinear between pixel centres."""
    height, width = map_.shape
    u, v, _ = _in_picture(points, pose, lens)
    column, row = ((u - 0.5).nan_to_num().clamp(0, width - 1), (v - 0.5).nan_to_num().clamp(0, height - 1))
    left, top = column.long(), row.long()
    right, bottom = (left + 1).clamp_max(width - 1), (top + 1).clamp_max(height - 1)
    a, b = column - left, row - top
    above = map_[top, left] + a * (map_[top, right] - map_[top, left])
    below = map_[bottom, left] + a * (map_[bottom, right] - map_[bottom, left])
    return above + b * (below - above)


def _in_picture(points: Tensor, pose: Tensor, lens: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Pixel coordinates u, v and z-depth of points, each [k]."""
    x, y, z = (points @ pose[:, :3].T + pose[:, 3]).unbind(1)
    far = z.clamp_min(1e-6)
    return lens[0] * x / far + lens[2], lens[1] * y / far + lens[3], z
