"""Two balls in a round room, on disk in Replica's layout: pictures, depth, segments, the true surface."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import trimesh
from PIL import Image

WIDTH, HEIGHT, FOCAL, ROOM = 40, 32, 24.0, 2.0
BALLS = {5: (np.array([-0.45, 0.1, 0.0]), 0.35), 9: (np.array([0.5, -0.1, 0.1]), 0.3)}
NAMES = ["room", "", "", "", "", "red ball", "", "", "", "blue ball"]
COLORS = {0: [0.6, 0.6, 0.5], 5: [0.8, 0.2, 0.2], 9: [0.2, 0.3, 0.8]}


def _first_hit(origin: np.ndarray, ray: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """z-depths and instance ids of rays [..., 3] (z = 1) from a place inside the room."""
    best, who = np.full(ray.shape[:-1], np.inf), np.zeros(ray.shape[:-1], np.uint16)
    spheres = [(0, np.zeros(3), ROOM), *((i, c, r) for i, (c, r) in BALLS.items())]
    for instance, centre, radius in spheres:
        a, b = (ray**2).sum(-1), ray @ (origin - centre)
        root = b**2 - a * ((origin - centre) @ (origin - centre) - radius**2)
        sign = 1.0 if instance == 0 else -1.0
        t = np.where(root > 0, (-b + sign * np.sqrt(np.maximum(root, 0.0))) / a, np.inf)
        nearer = (t > 0) & (t < best)
        best, who = np.where(nearer, t, best), np.where(nearer, instance, who)
    return best, who.astype(np.uint16)


def write_two_balls(folder: Path, frames: int = 10) -> Path:
    """The scene's folder."""
    for name in ("results", "segments"):
        (folder / name).mkdir(parents=True)
    v, u = np.meshgrid(np.arange(HEIGHT) + 0.5, np.arange(WIDTH) + 0.5, indexing="ij")
    in_cam = np.stack([(u - WIDTH / 2) / FOCAL, (v - HEIGHT / 2) / FOCAL, np.ones_like(u)], axis=-1)
    poses = []
    for i in range(frames):
        turn = 2.0 * np.pi * i / frames
        centre = np.array([1.3 * np.cos(turn), 1.3 * np.sin(turn), 0.5 * np.sin(3.0 * turn)])
        z = -centre / np.linalg.norm(centre)
        x = np.cross(z, [0.0, 0.0, 1.0])
        x /= np.linalg.norm(x)
        pose = np.eye(4)
        pose[:3] = np.stack([x, np.cross(z, x), z, centre], axis=1)
        poses.append(pose)
        depth, who = _first_hit(centre, in_cam @ pose[:3, :3].T)
        color = sum(np.where((who == k)[..., None], np.array(c), 0.0) for k, c in COLORS.items())
        Image.fromarray((255 * color).astype(np.uint8)).save(folder / "results" / f"frame{i:06d}.jpg")
        Image.fromarray((1000 * depth).astype(np.uint16)).save(folder / "results" / f"depth{i:06d}.png")
        Image.fromarray(who).save(folder / "segments" / f"{i:06d}.png")
    camera = {
        "w": WIDTH,
        "h": HEIGHT,
        "fx": FOCAL,
        "fy": FOCAL,
        "cx": WIDTH / 2 - 0.5,
        "cy": HEIGHT / 2 - 0.5,
    }
    (folder / "cam_params.json").write_text(json.dumps({"camera": {**camera, "scale": 1000.0}}))
    np.savetxt(folder / "traj.txt", np.array(poses).reshape(frames, 16))
    parts = [trimesh.creation.icosphere(subdivisions=3, radius=ROOM)]
    parts[0].invert()
    for centre, radius in BALLS.values():
        ball = trimesh.creation.icosphere(subdivisions=3, radius=radius)
        ball.apply_translation(centre)
        parts.append(ball)
    owner = np.concatenate([np.full(len(p.faces), k) for p, k in zip(parts, (0, *BALLS))]).astype(np.int32)
    trimesh.util.concatenate(parts).export(folder / "mesh.ply")
    np.savez(folder / "instances.npz", face_instance=owner, names=np.array(NAMES))
    return folder
