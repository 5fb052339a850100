"""Tiny scenes with exact depth and normals, written in the layouts that the readers know."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from neurfield.scenes import Cameras

WIDTH, HEIGHT, FOCAL = 64, 48, 40.0
ROOM = np.array([[0.0, 0.0, 0.0], [5.0, 4.0, 2.5]])
FLIP = np.diag([1.0, -1.0, -1.0, 1.0])
DEPTH_SCALE = 6553.5


def look_at(center: np.ndarray, target: np.ndarray) -> np.ndarray:
    """world_from_cam [4,4] in OpenCV axes, Z up in the world."""
    forward = (target - center) / np.linalg.norm(target - center)
    right = np.cross(forward, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    pose = np.eye(4)
    pose[:3] = np.stack([right, np.cross(forward, right), forward, center], axis=1)
    return pose


def room_cameras(count: int = 20) -> Cameras:
    """Cameras on a small loop in a bare room, looking around."""
    turn = np.linspace(0.0, 2 * np.pi, count, endpoint=False)
    centers = np.stack(
        [2.5 + 1.0 * np.cos(turn), 2.0 + 0.8 * np.sin(turn), 1.3 + 0.2 * np.sin(2 * turn)], axis=1
    )
    targets = centers + np.stack([np.cos(turn + 0.4), np.sin(turn + 0.4), 0.5 * np.sin(3 * turn)], axis=1)
    poses = np.stack([look_at(c, t) for c, t in zip(centers, targets)])
    return Cameras(poses, FOCAL, FOCAL, WIDTH / 2, HEIGHT / 2, WIDTH, HEIGHT)


def ring_cameras(center: np.ndarray, radius: float = 2.0, count: int = 16) -> Cameras:
    """Cameras on a wavy ring that look in at a point."""
    turn = np.linspace(0.0, 2 * np.pi, count, endpoint=False)
    offsets = np.stack([np.cos(turn), np.sin(turn), 0.5 + 0.3 * np.sin(3 * turn)], axis=1)
    poses = np.stack([look_at(center + radius * offset, center) for offset in offsets])
    return Cameras(poses, FOCAL, FOCAL, WIDTH / 2, HEIGHT / 2, WIDTH, HEIGHT)


def all_pixels() -> np.ndarray:
    """The centres of all pixels [H*W,2]."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    return np.stack([columns.ravel() + 0.5, rows.ravel() + 0.5], axis=1)


def render_room(cameras: Cameras, i: int) -> tuple[np.ndarray, np.ndarray]:
    """Exact z-depth [H,W] and normals in the camera frame [H,W,3] of the bare room."""
    origins, directions, z_per_t = cameras.rays(np.full(WIDTH * HEIGHT, i), all_pixels())
    walls = np.where(directions > 0, ROOM[1], ROOM[0])
    with np.errstate(divide="ignore"):
        t = np.where(directions != 0, (walls - origins) / directions, np.inf)
    axis = t.argmin(axis=1)
    rows = np.arange(len(t))
    normals = np.zeros_like(t)
    normals[rows, axis] = -np.sign(directions[rows, axis])
    in_cam = normals @ cameras.world_from_cam[i, :3, :3]
    return (t[rows, axis] * z_per_t).reshape(HEIGHT, WIDTH), in_cam.reshape(HEIGHT, WIDTH, 3)


def write_replica(folder: Path, count: int = 20, params_beside: bool = False, extras: bool = True) -> Path:
    """The bare room in Replica's layout."""
    cameras = room_cameras(count)
    for name in ("results", "sensor_depth", "priors", "segments"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    # Replica counts the centre of the first pixel as (0, 0).
    camera = {
        "w": WIDTH,
        "h": HEIGHT,
        "fx": FOCAL,
        "fy": FOCAL,
        "cx": WIDTH / 2 - 0.5,
        "cy": HEIGHT / 2 - 0.5,
    }
    params = folder.parent if params_beside else folder
    (params / "cam_params.json").write_text(json.dumps({"camera": {**camera, "scale": DEPTH_SCALE}}))
    lines = [" ".join(f"{v:.12g}" for v in pose.ravel()) for pose in cameras.world_from_cam]
    (folder / "traj.txt").write_text("\n".join(lines) + "\n")
    holes = (np.arange(WIDTH * HEIGHT) % 7 == 0).reshape(HEIGHT, WIDTH)
    for i in range(count):
        depth, normals = render_room(cameras, i)
        shade = (80 + 40 * normals).clip(0, 255).astype(np.uint8)
        Image.fromarray(shade).save(folder / f"results/frame{i:06d}.jpg")
        write_depth(folder / f"results/depth{i:06d}.png", depth)
        if extras:
            write_depth(folder / f"sensor_depth/depth{i:06d}.png", np.where(holes, 0.0, depth + 0.01))
            np.save(folder / f"priors/{i:06d}_depth.npy", (0.3 * depth + 0.1).astype(np.float32))
            np.save(
                folder / f"priors/{i:06d}_normal.npy", np.moveaxis((normals + 1) / 2, 2, 0).astype(np.float32)
            )
            Image.fromarray((depth > 2).astype(np.uint16)).save(folder / f"segments/{i:06d}.png")
    return folder


def write_depth(path: Path, depth: np.ndarray) -> None:
    Image.fromarray(np.round(depth * DEPTH_SCALE).astype(np.uint16)).save(path)


def write_transforms(
    folder: Path,
    cameras: Cameras,
    keys: dict[str, Any],
    paint: Callable[[int], np.ndarray],
    suffix: str = ".png",
) -> dict[str, Any]:
    """images/ and transforms.json of these cameras; returns what was written, to be changed."""
    (folder / "images").mkdir(parents=True, exist_ok=True)
    frames = []
    for i in range(len(cameras)):
        Image.fromarray(paint(i)).save(folder / f"images/{i:03d}.png")
        matrix = (cameras.world_from_cam[i] @ FLIP).tolist()
        frames.append({"file_path": f"images/{i:03d}{suffix}", "transform_matrix": matrix})
    data = {**keys, "frames": frames}
    (folder / "transforms.json").write_text(json.dumps(data))
    return data


def grey(i: int) -> np.ndarray:
    return np.full((HEIGHT, WIDTH, 3), 100 + i, np.uint8)
