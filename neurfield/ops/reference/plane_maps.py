"""Maps of slanted planes in plain torch: the specification of `neurfield.ops.plane_maps`."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from neurfield.ops.reference.depth_lookup import round_trip
from neurfield.ops.reference.slanted_window import centres, shifted
from neurfield.ops.stereo_pictures import StereoPictures

STEPS = 0.05  # relative change of inverse depth over a pixel beyond which a neighbour is another surface
ALIKE = 10.0  # grey levels, when a finer picture chooses among planes


def fit_planes(inverse_depth: Tensor, radius: int) -> Tensor:
    """Planes [h, w, 3] of one map [h, w]; see `neurfield.ops.fit_planes`."""
    w = inverse_depth
    n, x, y, xx, xy, yy, d, xd, yd = (torch.zeros_like(w) for _ in range(9))
    for down in range(-radius, radius + 1):
        for right in range(-radius, radius + 1):
            other = shifted(w, right, down, 0.0)
            gap = other - w
            counts = (other > 0) & (gap.abs() <= w * (STEPS * max(abs(right), abs(down))))
            gap, one = torch.where(counts, gap, torch.zeros_like(gap)), counts.to(w.dtype)
            n, x, y, d = n + one, x + right * one, y + down * one, d + gap
            xx, xy, yy = xx + right * right * one, xy + right * down * one, yy + down * down * one
            xd, yd = xd + right * gap, yd + down * gap
    share = 1.0 / n.clamp_min(1.0)
    xx, xy, yy = xx - x * x * share, xy - x * y * share, yy - y * y * share
    xd, yd = xd - x * d * share, yd - y * d * share
    determinant = xx * yy - xy * xy
    good = (w > 0) & (determinant > 0.5)
    inverse = 1.0 / torch.where(good, determinant, torch.ones_like(w))
    zero = torch.zeros_like(w)
    a = torch.where(good, (xd * yy - yd * xy) * inverse, zero)
    b = torch.where(good, (yd * xx - xd * xy) * inverse, zero)
    return torch.stack([w.clamp_min(0.0), a, b], dim=-1)


def upsample_planes(planes: Tensor, grey: Tensor, finer: Tensor) -> Tensor:
    """Planes [H, W, 3] of one map [h, w, 3]; see `neurfield.ops.upsample_planes`."""
    (h, w), (H, W) = grey.shape, finer.shape
    y, x = torch.arange(H)[:, None], torch.arange(W)
    best = torch.full((H, W), -math.inf, dtype=planes.dtype)
    found = planes.new_zeros(H, W, 3)
    for next_row in (False, True):
        for next_column in (False, True):
            row, column = y // 2, x // 2
            row = (row + (2 * (y % 2) - 1) * next_row).clamp(0, h - 1)
            column = (column + (2 * (x % 2) - 1) * next_column).clamp(0, w - 1)
            apart = finer.to(planes.dtype) - grey[row, column].to(planes.dtype)
            share = math.prod(0.25 if far else 0.75 for far in (next_row, next_column))
            score = math.log(share) - apart.square() / (2.0 * ALIKE**2)
            plane = planes[row, column]
            right, down = 0.5 * (x + 0.5) - (column + 0.5), 0.5 * (y + 0.5) - (row + 0.5)
            moved = plane[..., 0] + plane[..., 1] * right + plane[..., 2] * down
            better = (plane[..., 0] > 0) & (moved > 0) & (score > best)
            best = torch.where(better, score, best)
            fine = torch.stack([moved, 0.5 * plane[..., 1], 0.5 * plane[..., 2]], dim=-1)
            found = torch.where(better[..., None], fine, found)
    return found


def consistent_views(
    pictures: StereoPictures, depth: Tensor, sources: Tensor, relative: float, pixels: float
) -> tuple[Tensor, Tensor]:
    """Counts and angles [n, h, w]; see `neurfield.ops.consistent_views`."""
    count, angles = torch.zeros_like(depth), torch.zeros_like(depth)
    for r, own in enumerate(sources):
        known = depth[r] > 0
        inverse = 1.0 / torch.where(known, depth[r], torch.ones_like(depth[r]))
        fx, fy, cx, cy = pictures.lens[r].to(depth)
        u, v = centres(depth[r])
        rays = torch.stack(torch.broadcast_tensors((u - cx) / fx, (v - cy) / fy, torch.ones_like(u)), dim=-1)
        points = rays * depth[r][..., None]
        for s in own:
            if s < 0:
                continue
            trip = round_trip(pictures, depth[s], r, int(s), inverse)
            agrees = known & (trip.depth > 0) & (trip.error <= pixels)
            agrees &= (trip.depth - trip.expected).abs() <= relative * trip.expected
            there = points - source_centre(pictures, torch.tensor(r), s).to(depth)
            sine = torch.linalg.cross(points, there).norm(dim=-1)
            angle = torch.atan2(sine, (points * there).sum(dim=-1)).rad2deg()
            count[r] += agrees
            angles[r] += torch.where(agrees, angle, torch.zeros_like(angle))
    return count.clamp_max(255).to(torch.uint8), angles / count.clamp_min(1.0)


def source_centre(pictures: StereoPictures, r: Tensor, s: Tensor) -> Tensor:
    """Where pictures s were taken from, in the axes of pictures r: float64 [..., 3]; s < 0 is any."""
    r, s = torch.broadcast_tensors(r, s.clamp_min(0))
    pose = pictures.cam_from_world
    turn = pose[:, :3, :3]
    centre = -(turn.mT @ pose[:, :3, 3:])[..., 0]
    return (turn[r] @ (centre[s] - centre[r])[..., None])[..., 0]
