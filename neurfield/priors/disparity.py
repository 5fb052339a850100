"""Disparity of a network made depth, by what matching the pictures, or finding their poses, knows of it.

Disparity is inverse depth up to a scale and a shift of each picture; depth up to a scale and a shift it is
not, whatever is done to it alone. Where some depth of a picture is known, both are found in inverse depth.
"""

from __future__ import annotations

import numpy as np

from neurfield.priors.tiles import scale_and_shift
from neurfield.scenes import Scene

FEWEST = 40  # pixels of known depth, to tell a picture's scale and shift
_FARTHER = 4.0  # times the farthest that is known; what would lie beyond is put there


def known_from(scene: Scene) -> str:
    """What tells some depth of a scene's pictures, in words; "" where nothing does."""
    if "stereo_depth" in scene.sources:
        return "stereo maps"
    return "sparse points" if scene.points is not None and scene.tracks is not None else ""


def known_depth(scene: Scene, i: int) -> tuple[np.ndarray, np.ndarray]:
    """Places of frame i whose depth is known, int64 [k,2] row and column, and that depth [k]."""
    height, width = int(scene.cameras.height[i]), int(scene.cameras.width[i])
    depth = scene.stereo_depth(i)
    if depth is not None:
        place = np.stack(np.nonzero(depth > 0), axis=1)
        place = place[:: max(1, len(place) // 5000)]
        return place, np.asarray(depth[place[:, 0], place[:, 1]], dtype=np.float64)
    if "stereo_depth" in scene.sources or scene.tracks is None or scene.points is None:
        return np.zeros((0, 2), dtype=np.int64), np.zeros(0)
    own = scene.tracks.frame == i
    pixel, z = scene.cameras.project(i, scene.points[scene.tracks.point[own]])
    inside = (z > 0) & (pixel >= 0).all(axis=1) & (pixel < [width, height]).all(axis=1)
    return pixel[inside][:, ::-1].astype(np.int64), z[inside]


def depth_of(disparity: np.ndarray, place: np.ndarray, depth: np.ndarray) -> np.ndarray | None:
    """Depth [H,W] of disparity [H,W], held to `depth` [k] at `place` [k,2].

    None where it falls as things come nearer, or is the same everywhere.
    """
    known = disparity[place[:, 0], place[:, 1]].astype(np.float64)
    inverse = 1.0 / depth
    if np.ptp(known) <= 0 or np.corrcoef(known, inverse)[0, 1] <= 0:
        return None
    scale, shift = scale_and_shift(known, inverse)
    least = 1.0 / (_FARTHER * float(depth.max()))
    return 1.0 / np.maximum(scale * disparity.astype(np.float64) + shift, least)
