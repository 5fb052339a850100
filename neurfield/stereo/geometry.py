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


def pixel_planes(inverse_depth: Tensor) -> Tensor:
    """Planes [..., h, w, 3] (w, a, b) through each pixel of inverse depth [..., h, w], 0 where there is none.

    a and b are the slopes of the best plane over 5 x 5 pixels, without those that are more than 5 % off.
    """
    reach, (h, width) = 2, inverse_depth.shape[-2:]
    flat = inverse_depth.reshape(-1, h, width)
    padded = torch.nn.functional.pad(flat, (reach,) * 4)
    sums = [torch.zeros_like(flat) for _ in range(5)]  # xx, xy, yy, xw, yw
    for dy in range(-reach, reach + 1):
        for dx in range(-reach, reach + 1):
            other = padded[:, reach + dy : reach + dy + h, reach + dx : reach + dx + width]
            near = ((other - flat).abs() < 0.05 * flat) & (other > 0)
            change = torch.where(near, other - flat, torch.zeros_like(flat))
            weight = near.to(flat.dtype)
            for total, term in zip(
                sums, (weight * dx * dx, weight * dx * dy, weight * dy * dy, change * dx, change * dy)
            ):
                total += term
    xx, xy, yy, xw, yw = sums
    xx, yy = xx + 2.0, yy + 2.0  # few neighbours: nearly level
    determinant = xx * yy - xy * xy
    a, b = (yy * xw - xy * yw) / determinant, (xx * yw - xy * xw) / determinant
    return torch.stack([flat, a, b], dim=-1).reshape(*inverse_depth.shape, 3)


def plane_normals(pictures: StereoPictures, i: int, planes: Tensor) -> Tensor:
    """Unit normals facing the camera, float32 [h, w, 3] in its axes, of the planes [h, w, 3] of picture i."""
    fx, fy, cx, cy = (float(v) for v in pictures.lens[i])
    h, w = planes.shape[:2]
    u, v = torch.arange(w) + 0.5, (torch.arange(h) + 0.5)[:, None]
    inverse, a, b = planes.unbind(-1)
    # 1/z = m . (u, v, 1) = m . K (x, y, 1): the normal is along K^T m.
    constant = inverse - a * u - b * v
    normal = torch.stack([fx * a, fy * b, constant + a * cx + b * cy], dim=-1)
    normal = torch.nn.functional.normalize(-normal, dim=-1)
    return torch.where(inverse[..., None] > 0, normal, torch.zeros_like(normal))


def doubled_planes(planes: Tensor, size: tuple[int, int]) -> Tensor:
    """Planes [..., h, w, 3] at twice the size: each pixel is on the plane of the one that it lies in.

    An odd last row or column, which `StereoPictures.halved` left out, takes that of its neighbour.
    """
    height, width = size
    row = (torch.arange(height) // 2).clamp_max(planes.shape[-3] - 1)
    column = (torch.arange(width) // 2).clamp_max(planes.shape[-2] - 1)
    w, a, b = planes[..., row[:, None], column, :].unbind(-1)
    dx = (torch.arange(width) + 0.5) / 2 - (column + 0.5)
    dy = ((torch.arange(height) + 0.5) / 2 - (row + 0.5))[:, None]
    moved = torch.where(w > 0, (w + a * dx + b * dy).clamp_min(1e-9), torch.zeros_like(w))
    return torch.stack([moved, a / 2, b / 2], dim=-1)
