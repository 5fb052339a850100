"""A textured block in a textured room, drawn exactly through a straight or a bent lens."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from tests.scenes.tiny_scenes import look_at

WIDTH, HEIGHT, FOCAL, VIEWS = 320, 240, 290.0, 10
ROOM = np.array([[-3.0, -2.5, 0.0], [3.0, 2.5, 2.4]])
BLOCK = np.array([[-0.5, -0.35, 0.0], [0.4, 0.45, 0.7]])
_SPOTS = np.random.default_rng(5).integers(0, 256, (32, 32, 32, 3))


def orbit(count: int = VIEWS, step: float = 12.0) -> np.ndarray:
    """Poses [n,4,4] on an arc around the block, so many degrees apart, at heights that differ."""
    turn = np.radians(step) * np.arange(count)
    eyes = np.stack([2.0 * np.cos(turn), 2.0 * np.sin(turn), 1.1 + 0.25 * np.sin(2.3 * np.arange(count))], 1)
    return np.stack([look_at(eye, np.array([0.0, 0.0, 0.4])) for eye in eyes])


def turning(count: int = VIEWS, step: float = 8.0) -> np.ndarray:
    """Poses [n,4,4] in one place."""
    turn = np.radians(step) * np.arange(count)
    eye = np.array([1.8, -1.2, 1.2])
    ways = np.stack([np.cos(turn + 1.5), np.sin(turn + 1.5), -0.1 + 0.1 * np.sin(turn * 3)], 1)
    return np.stack([look_at(eye, eye + way) for way in ways])


def rays(width: int, height: int, focal: float, bend: float = 0.0) -> np.ndarray:
    """Rays [h,w,3], z = 1, of all pixels; bend: k of COLMAP's SIMPLE_RADIAL."""
    rows, columns = np.mgrid[:height, :width] + 0.5
    bent = np.stack([columns - width / 2, rows - height / 2], -1) / focal
    straight = bent
    for _ in range(20):
        straight = bent / (1.0 + bend * (straight**2).sum(-1, keepdims=True))
    return np.concatenate([straight, np.ones((height, width, 1))], -1)


def drawn(
    pose: np.ndarray, width: int = WIDTH, height: int = HEIGHT, focal: float = FOCAL, bend: float = 0.0
):
    """The picture uint8 [h,w,3] of a pose."""
    directions = rays(width, height, focal, bend) @ pose[:3, :3].T
    directions[directions == 0.0] = 1e-12
    eye = pose[:3, 3]
    walls = (np.where(directions > 0, ROOM[1], ROOM[0]) - eye) / directions
    near, far = ((BLOCK[side] - eye) / directions for side in (0, 1))
    enter, leave = np.minimum(near, far).max(-1), np.maximum(near, far).min(-1)
    depth = np.where((enter < leave) & (enter > 0), enter, walls.min(-1))
    return texture(eye + directions * depth[..., None])


def texture(points: np.ndarray) -> np.ndarray:
    """Colours uint8 [...,3] of points: spots of three sizes, smooth between their centres."""
    colour = np.zeros(points.shape)
    for size, weight in ((0.24, 0.5), (0.09, 0.3), (0.04, 0.2)):
        at = points / size + 1000.0
        corner = np.floor(at).astype(int)
        part = at - corner
        part = part * part * (3.0 - 2.0 * part)
        for k in range(8):
            offset = np.array([k & 1, k >> 1 & 1, k >> 2 & 1])
            share = np.where(offset, part, 1.0 - part).prod(-1, keepdims=True)
            i, j, m = np.moveaxis((corner + offset) % 32, -1, 0)
            colour += weight * share * _SPOTS[i, j, m]
    return np.clip(1.9 * (colour - 127.5) + 127.5, 0, 255).astype(np.uint8)


def write_photos(folder: Path, poses: np.ndarray, suffix: str = ".png", **lens) -> Path:
    """Photos IMG_00, IMG_01, ... of poses."""
    folder.mkdir(parents=True, exist_ok=True)
    for i, pose in enumerate(poses):
        Image.fromarray(drawn(pose, **lens)).save(folder / f"IMG_{i:02d}{suffix}", quality=95)
    return folder


def aligned(found: np.ndarray, true: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """What remains between poses [n,4,4] after the best similarity.

    Returns:
        Angles [n], distances [n] as shares of the true centres' largest extent, and the scale.
    """
    a, b = found[:, :3, 3], true[:, :3, 3]
    a0, b0 = a - a.mean(0), b - b.mean(0)
    u, s, vt = np.linalg.svd(b0.T @ a0)
    sign = np.diag([1.0, 1.0, np.sign(np.linalg.det(u @ vt))])
    rotation = u @ sign @ vt
    scale = (s * np.diag(sign)).sum() / (a0**2).sum()
    off = np.linalg.norm(scale * a0 @ rotation.T - b0, axis=1) / np.ptp(b, axis=0).max()
    turned = rotation @ found[:, :3, :3]
    cosine = (np.einsum("nij,nij->n", turned, true[:, :3, :3]) - 1.0) / 2.0
    return np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0))), off, scale
