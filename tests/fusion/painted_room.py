"""A room whose walls are painted, its pictures, and priors that are wrong on purpose."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from neurfield.scenes import Scene
from neurfield.scenes.images import FileList
from tests.fusion.box_room import cameras_of, pose_looking, walls

SIZE, FOCAL = (180, 240), 150.0
ROOM = np.array([[0.0, 0.0, 0.0], [5.0, 4.0, 2.5]])
FRAMES = 30


def paint(points: np.ndarray) -> np.ndarray:
    """Grey levels of a solid pattern at points [..., 3]."""
    x, y, z = (points * 2.3).T
    waves = (
        np.sin(3 * x + np.cos(5 * y))
        + np.sin(7 * y - 2 * z)
        + np.cos(6 * z + 3 * x)
        + np.sin(13 * x + 11 * y + 12 * z)
    )
    return (127.0 + 28.0 * waves).T


def painted_room(shade: float = 1.0, bias: float = 0.0) -> tuple[Scene, list[np.ndarray]]:
    """A scene of pictures and priors, and the true depth of each frame.

    Where points lie low in the room, all priors err by `bias`, alike in every view.
    """
    random = np.random.default_rng(1)
    poses = []
    for k in range(FRAMES):
        pitch = random.uniform(-0.3, 0.3)
        poses.append(pose_looking(0.21 * k + 0.1, pitch, random.uniform(ROOM[0] + 1.2, ROOM[1] - 1.0)))
    cameras = cameras_of(poses, SIZE, FOCAL)
    images, priors, true = [], [], []
    for i in range(FRAMES):
        points, depth = walls(cameras, i, ROOM, SIZE)
        grey = 127.0 + shade * (paint(points) - 127.0)
        images.append(np.repeat(grey.clip(0, 255).astype(np.uint8).reshape(*SIZE, 1), 3, axis=2))
        wrong = depth * np.exp(bias * (1.0 - points[:, 2].reshape(SIZE) / 1.25))
        priors.append(((wrong - random.uniform(-0.3, 0.3)) / random.uniform(2.0, 8.0)).astype(np.float32))
        true.append(depth)
    names = [Path(f"{i}.npy") for i in range(FRAMES)]
    files = {
        "image": FileList(names, lambda path: images[int(path.stem)]),
        "prior_depth": FileList(names, lambda path: priors[int(path.stem)]),
    }
    return Scene("painted", Path("painted"), cameras, files, kind="inside"), true
