"""Does the depth of one frame land on the depth of another? If not, would it with another unit or other axes?

Nothing else finds a wrong depth unit, poses in another convention or inverted, or frames out of step before
hours are spent on them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from neurfield.scenes.cameras import Cameras
from neurfield.scenes.scene import Scene

Reading = Callable[[int, np.ndarray], np.ndarray]
_PAIRS = 16
_PIXELS = 300
# The distance between two frames to compare, as a share of the depth they see.
_APART = 0.25
MOST_TURN = 35.0  # degrees between two frames to compare
# Depth units and pose scales that people mix up lie within this range, in steps fine enough to see the dip of
# the error.
_SCALES = np.geomspace(1e-3, 1e3, 61)


@dataclass(frozen=True)
class Pair:
    """What a frame sees, at origins + scale * steps [k,3] in the world, and the depth of frame j [H,W]."""

    j: int
    origins: np.ndarray
    steps: np.ndarray
    other: np.ndarray


def depth_pairs(
    scene: Scene, cameras: Cameras, kind: Literal["exact", "noisy"], reading: Reading | None = None
) -> list[Pair]:
    """Pairs of frames that, if these are the cameras, look the same way from different places.

    reading: makes z-depth of a frame's depth [H,W]; None: it is.
    """
    listed = scene.files["depth" if kind == "exact" else "sensor_depth"].paths
    with_depth = np.array([i for i in range(len(cameras)) if listed[i] is not None])
    pairs, least = [], np.cos(np.radians(MOST_TURN))
    for i in with_depth[np.linspace(0, len(with_depth) - 1, min(len(with_depth), _PAIRS)).astype(int)]:
        same_way = with_depth[cameras.view_directions[with_depth] @ cameras.view_directions[i] > least]
        apart = np.linalg.norm(cameras.centers[same_way] - cameras.centers[i], axis=1)
        depth = scene.depth(int(i), kind)
        if depth is None or not (depth > 0).any() or apart.max(initial=0.0) == 0.0:
            continue
        # Far enough apart to tell a scale, near enough to see the same things; never the frame itself.
        apart[apart == 0.0] = np.inf
        j = int(same_way[np.abs(apart - _APART * np.median(depth[depth > 0])).argmin()])
        pair = _pair(scene, cameras, int(i), j, kind, reading)
        if pair is not None:
            pairs.append(pair)
    return pairs


def reprojection_error(cameras: Cameras, pairs: list[Pair], scale: float = 1.0) -> float:
    """Median relative difference between depth carried from i to j and the depth of j there.

    scale multiplies all depth first. 1.0 (all wrong) where nothing of a pair lands in the other picture.
    """
    errors = []
    for pair in pairs:
        uv, z = cameras.project(pair.j, pair.origins + scale * pair.steps)
        with np.errstate(invalid="ignore"):
            inside = (uv >= 0).all(axis=1) & (uv < pair.other.shape[::-1]).all(axis=1) & (z > 0)
        column, row = uv[inside].astype(int).T
        there = pair.other[row, column] * scale
        known = there > 0
        error = np.abs(z[inside][known] - there[known]) / there[known]
        # What falls outside says nothing, unless nearly everything does.
        errors.append(error if len(error) >= 0.05 * len(pair.steps) else np.ones(1))
    return float(np.median(np.concatenate(errors))) if errors else 1.0


def best_scale(cameras: Cameras, pairs: list[Pair]) -> tuple[float, float]:
    """The factor on all depth that makes frames agree best, and the error it leaves."""
    errors = [reprojection_error(cameras, pairs, scale) for scale in _SCALES]
    around = _SCALES[int(np.argmin(errors))] * np.geomspace(0.87, 1.15, 29)
    errors = [reprojection_error(cameras, pairs, scale) for scale in around]
    return float(around[int(np.argmin(errors))]), float(min(errors))


def other_conventions(cameras: Cameras) -> list[tuple[str, Cameras]]:
    """What may be wrong with the poses, each with the cameras it would make right."""
    flip = np.diag([1.0, -1.0, -1.0, 1.0])
    poses = cameras.world_from_cam
    axes = "the camera axes are OpenGL's where OpenCV's are expected, or the reverse"
    inverted = "the poses are cam_from_world instead of world_from_cam, in {} camera axes"
    # An inverted pose in the other axes is the same but for a turn of the whole world.
    readings = [
        (axes, poses @ flip),
        (inverted.format("OpenCV's"), np.linalg.inv(poses)),
        (inverted.format("OpenCV's"), np.linalg.inv(poses @ flip)),
        (inverted.format("OpenGL's"), np.linalg.inv(poses) @ flip),
        (inverted.format("OpenGL's"), np.linalg.inv(poses @ flip) @ flip),
    ]
    return [(what, replace(cameras, world_from_cam=reading)) for what, reading in readings]


def _pair(
    scene: Scene,
    cameras: Cameras,
    i: int,
    j: int,
    kind: Literal["exact", "noisy"],
    reading: Reading | None,
) -> Pair | None:
    depth, other = scene.depth(i, kind), scene.depth(j, kind)
    if depth is None or other is None:
        return None
    if reading is not None:
        depth, other = reading(i, depth), reading(j, other)
    step = max(1, int(np.sqrt(depth.size / _PIXELS)))
    rows, columns = np.mgrid[step // 2 : depth.shape[0] : step, step // 2 : depth.shape[1] : step].reshape(
        2, -1
    )
    z = depth[rows, columns].astype(np.float64)
    pixels = np.stack([columns + 0.5, rows + 0.5], axis=1)[z > 0]
    if not len(pixels):
        return None
    origins, directions, z_per_t = cameras.rays(np.full(len(pixels), i), pixels)
    return Pair(j, origins, directions * (z[z > 0] / z_per_t)[:, None], other)
