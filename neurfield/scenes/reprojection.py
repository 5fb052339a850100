"""Does the depth of one frame land on the depth of another? If not, would it with another unit or other axes?

Nothing else finds a wrong depth unit, poses in another convention or inverted, or poses that belong to other
frames, before hours are spent on them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from neurfield.scenes.box import pixel_grid
from neurfield.scenes.cameras import Cameras
from neurfield.scenes.frames import DepthSource, spread
from neurfield.scenes.scene import Scene

Reading = Callable[[int, np.ndarray], np.ndarray]
_PAIRS = 16
_PIXELS = 300
# The distance between two frames to compare, as a share of the depth they see.
_APART = 0.25
MOST_TURN = 35.0  # degrees between two frames to compare
# Depth units and pose scales that people mix up lie within this range, close enough to see the dip of
# the error.
_SCALES = np.geomspace(1e-3, 1e3, 61)


@dataclass(frozen=True)
class Pair:
    """What one frame sees, and what another has where it should see the same.

    Attributes:
        j: the other frame.
        origins, offsets: [k,3], world; the first frame sees the points origins + scale * offsets.
        other: [H,W], the depth of frame j.
    """

    j: int
    origins: np.ndarray
    offsets: np.ndarray
    other: np.ndarray


def depth_pairs(
    scene: Scene, cameras: Cameras, source: DepthSource, reading: Reading | None = None
) -> list[Pair]:
    """Up to 16 pairs of frames that, if these are the cameras, look the same way from different places.

    Args:
        reading: (frame, its depth [H,W]) -> z-depth [H,W]; None where it is z-depth.
    """
    sensed = np.flatnonzero([path is not None for path in scene.files[source].paths])
    pairs, least = [], np.cos(np.radians(MOST_TURN))
    for i in sensed[spread(len(sensed), _PAIRS)]:
        same_way = sensed[cameras.view_directions[sensed] @ cameras.view_directions[i] > least]
        apart = np.linalg.norm(cameras.centers[same_way] - cameras.centers[i], axis=1)
        depth = scene.array(source, int(i))
        if depth is None or not (depth > 0).any() or apart.max(initial=0.0) == 0.0:
            continue
        # Far enough apart to tell a scale, near enough to see the same things; never the frame itself.
        apart[apart == 0.0] = np.inf
        j = int(same_way[np.abs(apart - _APART * np.median(depth[depth > 0])).argmin()])
        pair = _pair(scene, cameras, int(i), j, source, reading)
        if pair is not None:
            pairs.append(pair)
    return pairs


def reprojection_error(cameras: Cameras, pairs: list[Pair], scale: float = 1.0) -> float:
    """Median relative difference between depth carried from i to j and the depth of j there.

    `scale` multiplies all depth first. The error is 1.0 (all wrong) where nothing of a pair lands in the
    other picture.
    """
    errors = []
    for pair in pairs:
        uv, z = cameras.project(pair.j, pair.origins + scale * pair.offsets)
        with np.errstate(invalid="ignore"):
            inside = (uv >= 0).all(axis=1) & (uv < pair.other.shape[::-1]).all(axis=1) & (z > 0)
        column, row = uv[inside].astype(int).T
        other = pair.other[row, column] * scale
        valid = other > 0
        error = np.abs(z[inside][valid] - other[valid]) / other[valid]
        # What falls outside says nothing, unless nearly everything does.
        errors.append(error if len(error) >= 0.05 * len(pair.offsets) else np.ones(1))
    return float(np.median(np.concatenate(errors))) if errors else 1.0


def best_scale(cameras: Cameras, pairs: list[Pair]) -> tuple[float, float]:
    """The factor on all depth that makes frames agree best, and the error that it leaves."""
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
    scene: Scene, cameras: Cameras, i: int, j: int, source: DepthSource, reading: Reading | None
) -> Pair | None:
    depth, other = scene.array(source, i), scene.array(source, j)
    if depth is None or other is None:
        return None
    if reading is not None:
        depth, other = reading(i, depth), reading(j, other)
    rows, columns = pixel_grid(depth.shape, _PIXELS)
    z = depth[rows, columns].astype(np.float64)
    pixels = np.stack([columns + 0.5, rows + 0.5], axis=1)[z > 0]
    if not len(pixels):
        return None
    origins, directions, z_per_t = cameras.rays(np.full(len(pixels), i), pixels)
    return Pair(j, origins, directions * (z[z > 0] / z_per_t)[:, None], other)
