"""Cameras inside a box-shaped room, and how far its walls are from them."""

from __future__ import annotations

import numpy as np

from neurfield.scenes import Cameras


def pose_looking(yaw: float, pitch: float, centre: np.ndarray) -> np.ndarray:
    """world_from_cam [4,4] of an upright camera: radians to the left of x, and up."""
    z = np.array([np.cos(yaw) * np.cos(pitch), np.sin(yaw) * np.cos(pitch), np.sin(pitch)])
    x = np.cross(z, [0.0, 0.0, 1.0])
    x /= np.linalg.norm(x)
    pose = np.eye(4)
    pose[:3, :3] = np.stack([x, np.cross(z, x), z], axis=1)
    pose[:3, 3] = centre
    return pose


def cameras_of(poses: list[np.ndarray], size: tuple[int, int], focal: float) -> Cameras:
    """Cameras of one size (rows, columns), their principal points in the middle of the picture."""
    rows, columns = size
    each = np.ones(len(poses))
    return Cameras(
        np.stack(poses), focal * each, focal * each, columns / 2 * each, rows / 2 * each,
        columns * each, rows * each,
    )  # fmt: skip


def walls(cameras: Cameras, i: int, room: np.ndarray, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Points [h * w, 3] on the inside of a box [2,3] behind the pixels of camera i; their z-depth [h, w]."""
    v, u = np.meshgrid(np.arange(size[0]) + 0.5, np.arange(size[1]) + 0.5, indexing="ij")
    uv = np.stack([u, v], axis=-1).reshape(-1, 2)
    origin, direction, z_per_t = cameras.rays(np.full(len(uv), i), uv)
    with np.errstate(divide="ignore"):
        t = np.abs(np.where(direction > 0, room[1] - origin, room[0] - origin) / direction)
    t = np.nanmin(t, axis=1)
    return origin + t[:, None] * direction, (t * z_per_t).reshape(size)
