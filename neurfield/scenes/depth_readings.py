"""What depth may mean other than z-depth of a pinhole camera, and which reading makes frames agree."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from neurfield.scenes.cameras import Cameras
from neurfield.scenes.frames import DepthSource
from neurfield.scenes.reprojection import depth_pairs, reprojection_error
from neurfield.scenes.scene import Scene

# Frames that agree better than this have nothing to explain.
WORTH_ASKING = 0.003
_LENSES = np.linspace(-0.4, 0.4, 17)


def other_depths(scene: Scene, source: DepthSource) -> Iterator[tuple[float, str, str]]:
    """Other readings of depth and lens: (error that is left between frames, what would be so, what to do)."""
    cameras = scene.cameras

    def along_rays(i: int, depth: np.ndarray) -> np.ndarray:
        return depth * z_per_distance(cameras, i)

    left = reprojection_error(cameras, depth_pairs(scene, cameras, source, along_rays))
    yield left, "depth is the distance along the ray", "write z-depth: the distance along the optical axis"
    if cameras.distortion is not None:
        return
    lenses = []
    for k1 in _LENSES[_LENSES != 0.0]:
        lens = replace(cameras, distortion=np.tile([k1, 0.0, 0.0, 0.0, 0.0], (len(cameras), 1)))
        lenses.append((reprojection_error(lens, depth_pairs(scene, lens, source)), float(k1)))
    left, k1 = min(lenses)
    yield left, f"the lens is distorted (k1 about {k1:.2g})", "give k1, k2, p1, p2 or undistort everything"


def z_per_distance(cameras: Cameras, i: int) -> np.ndarray:
    """z-depth for each unit of distance along the rays of camera i: [H,W]."""
    width, height = int(cameras.width[i]), int(cameras.height[i])
    rows, columns = np.mgrid[:height, :width].reshape(2, -1) + 0.5
    pixels = np.stack([columns, rows], axis=1)
    return cameras.rays(np.full(len(pixels), i), pixels)[2].reshape(height, width)
