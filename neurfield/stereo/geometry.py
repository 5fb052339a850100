"""Pixels of stereo pictures to points in the world, and back."""

from __future__ import annotations

import torch
from torch import Tensor

from neurfield.ops.stereo_pictures import StereoPictures


def pixel_rays(pictures: StereoPictures, i: int) -> Tensor:
    """Rays through all pixel centres of picture i, camera axes, z = 1: float32 [h, w, 3]."""
    h, w = pictures.grey.shape[1:]
    fx, fy, cx, cy = pictures.lens[i].double().unbind()
    x = ((torch.arange(w) + 0.5 - cx) / fx).float().expand(h, w)
    y = ((torch.arange(h) + 0.5 - cy) / fy).float()[:, None].expand(h, w)
    return torch.stack([x, y, torch.ones_like(x)], dim=2)


def world_points(pictures: StereoPictures, i: int, depth: Tensor, valid: Tensor) -> Tensor:
    """The points [k, 3] float64, world, of the valid pixels [h, w] of picture i at their z-depth [h, w]."""
    points = (pixel_rays(pictures, i)[valid] * depth[valid][:, None]).double()
    pose = pictures.cam_from_world[i]
    return (points - pose[:3, 3]) @ pose[:3, :3]


def places(pictures: StereoPictures, i: int, points: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Where points [k, 3], world, fall on picture i: column and row, int64 [k], -1 outside; z-depth [k]."""
    pose = pictures.cam_from_world[i]
    fx, fy, cx, cy = pictures.lens[i].double().unbind()
    x, y, z = (points @ pose[:3, :3].T + pose[:3, 3]).unbind(1)
    before = z > 1e-9
    safe = torch.where(before, z, torch.ones_like(z))
    column, row = (x / safe * fx + cx).floor(), (y / safe * fy + cy).floor()
    h, w = pictures.grey.shape[1:]
    shown = before & (column >= 0) & (column < w) & (row >= 0) & (row < h)
    none = torch.full_like(column, -1.0)
    return torch.where(shown, column, none).long(), torch.where(shown, row, none).long(), z
