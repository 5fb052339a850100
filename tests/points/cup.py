"""A cup, its exact depth, and depth as stereo would give it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from neurfield.scenes import Cameras, Scene
from neurfield.scenes.images import FileList
from neurfield.stereo import Flag
from tests.fusion.box_room import cameras_of, pose_looking

OUTER, INNER, HEIGHT, FLOOR = 0.5, 0.4, 1.0, 0.12  # it stands on z = 0
BOX = np.array([[-0.75, -0.75, -0.2], [0.75, 0.75, 1.2]])
SIZE, FOCAL = (90, 100), 130.0


@dataclass(frozen=True)
class Matched:
    """As `nf.points.StereoDepth`."""

    frames: np.ndarray
    cameras: Cameras
    depth: Tensor
    normal: Tensor
    confidence: Tensor
    flags: Tensor


def is_solid(points: np.ndarray) -> np.ndarray:
    """Whether points [..., 3] lie in the cup's walls or floor."""
    radius, z = np.hypot(points[..., 0], points[..., 1]), points[..., 2]
    return (radius < OUTER) & (z > 0) & (z < HEIGHT) & ((radius > INNER) | (z < FLOOR))


def is_cavity(points: np.ndarray) -> np.ndarray:
    """Whether points [..., 3] lie in what the cup would hold."""
    radius, z = np.hypot(points[..., 0], points[..., 1]), points[..., 2]
    return (radius < INNER) & (z > FLOOR) & (z < HEIGHT)


def cameras(count: int = 30) -> Cameras:
    """Around the cup, at two heights, and some that look in from above."""
    poses = []
    for i in range(count):
        yaw, pitch = 2.4 * i, (-0.2, -0.6, -1.2)[i % 3]
        toward = pose_looking(yaw, pitch, np.zeros(3))[:3, 2]
        poses.append(pose_looking(yaw, pitch, np.array([0.0, 0.0, 0.5]) - 2.2 * toward))
    return cameras_of(poses, SIZE, FOCAL)


def exact(seen_by: Cameras) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """z-depth [n, h, w], 0 = background; normals [n, h, w, 3] in camera axes; pixels that show the inside."""
    v, u = np.mgrid[: SIZE[0], : SIZE[1]] + 0.5
    uv = np.stack([u, v], axis=-1).reshape(-1, 2)
    depths, normals, inner = [], [], []
    for i, pose in enumerate(seen_by.world_from_cam):
        o, d, z_per_t = seen_by.rays(np.full(len(uv), i), uv)
        best, normal, of_inside = np.full(len(uv), np.inf), np.zeros((len(uv), 3)), np.zeros(len(uv), bool)
        with np.errstate(divide="ignore", invalid="ignore"):
            found = []
            a, b = (d[:, :2] ** 2).sum(1), (o[:, :2] * d[:, :2]).sum(1)
            for radius, side, low in ((OUTER, -1.0, 0.0), (INNER, 1.0, FLOOR)):
                root = np.sqrt(b**2 - a * ((o[:, :2] ** 2).sum(1) - radius**2))
                t = (-b + side * root) / a
                place = o + t[:, None] * d
                sideways = place * [-side / radius, -side / radius, 0.0]
                found.append((t, (place[:, 2] > low) & (place[:, 2] < HEIGHT), sideways, side > 0))
            for level, least, most, up in (
                (HEIGHT, INNER, OUTER, 1),
                (FLOOR, 0, INNER, 1),
                (0, 0, OUTER, -1),
            ):
                t = (level - o[:, 2]) / d[:, 2]
                radius = np.hypot(*(o + t[:, None] * d)[:, :2].T)
                facing = np.tile([0.0, 0.0, float(up)], (len(uv), 1))
                found.append(
                    (t, (radius >= least) & (radius < most) & (up * d[:, 2] < 0), facing, level == FLOOR)
                )
        for t, valid, facing, inside in found:
            nearer = valid & (t > 0) & (t < best)
            best, normal = np.where(nearer, t, best), np.where(nearer[:, None], facing, normal)
            of_inside = np.where(nearer, inside, of_inside)
        depths.append(np.where(np.isfinite(best), best * z_per_t, 0.0).reshape(SIZE))
        normals.append((normal @ pose[:3, :3]).reshape(*SIZE, 3))
        inner.append(of_inside.reshape(SIZE))
    return np.stack(depths), np.stack(normals), np.stack(inner)


def matched(seen_by: Cameras, *, outside: float, inside: float, wild: float, seed: int = 0) -> Matched:
    """Depth with errors of 0.3 %, of a part of the pixels.

    Args:
        outside, inside: the part of the pixels that are matched, of the cup's outside and of its inside.
        wild: the part of these that are anywhere between the camera and twice as far.
    """
    generator = np.random.default_rng(seed)
    depth, normal, inner = exact(seen_by)
    flags = np.where(depth > 0, Flag.MATCHED, Flag.BACKGROUND).astype(np.uint8)
    known = (depth > 0) & (generator.random(depth.shape) < np.where(inner, inside, outside))
    found = depth * (1.0 + 0.003 * generator.standard_normal(depth.shape))
    anywhere = generator.random(depth.shape) < wild
    found = np.where(anywhere, generator.uniform(1.2, 3.2, depth.shape), found)
    confidence = np.where(known, generator.uniform(0.4, 1.0, depth.shape), 0.0)
    return Matched(
        np.arange(len(depth)), seen_by, torch.from_numpy(np.where(known, found, 0.0)).float(),
        torch.from_numpy(normal).float(), torch.from_numpy(confidence).float(), torch.from_numpy(flags),
    )  # fmt: skip


def scene(seen_by: Cameras) -> Scene:
    """The cup's outlines and its box."""
    masks = exact(seen_by)[0] > 0
    paths = tuple(Path(f"mask {i}") for i in range(len(masks)))
    files = {"mask": FileList(paths, lambda path: masks[int(path.name.split()[-1])])}
    return Scene("cup", Path("cup"), seen_by, files, box=BOX, kind="outside", mask_says="object")
