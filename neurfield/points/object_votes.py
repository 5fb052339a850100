"""Which object points near a surface are of, as the segments of the pictures vote."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from neurfield.pixels.instances import Instances
from neurfield.scenes import Scene

FINEST, LEVELS = 4, 5  # pixels along the side of the finest cells of a depth picture, then each twice as wide
APART = 1.5  # spacings of the points: a cell as wide at their depth has no hole
AT_ONCE = 1 << 18  # points
SLANT = 2.0  # widths of a cell, by which the depth of one surface differs within it


def voted_objects(
    points: np.ndarray, band: float, spacing: float, scene: Scene, objects: Instances
) -> Tensor:
    """The object int64 [N] that most pictures show at points of a fused surface; -1: none does.

    A picture shows a point if no other of them lies farther before it than a band. The points themselves tell
    the depth: what they were fused of does not matter.

    Args:
        points: float64 [N, 3], world.
        band: world lengths; a multiple of what points are off the surface.
        spacing: of the points, world lengths.
        scene: with segments.
        objects: the field's.
    """
    shown: dict[int, np.ndarray] = {}
    for i in range(len(scene)):
        segment = scene.segment(i)
        if segment is not None:
            index = objects.index_of(torch.from_numpy(segment.astype(np.int64))).numpy()
            shown[i] = np.where(segment >= 0, index, -1)
    nearest = {i: _nearest(points, scene, i) for i in shown}
    found = []
    for start in range(0, len(points), AT_ONCE):
        part = points[start : start + AT_ONCE]
        votes = np.zeros((len(part), len(objects)), dtype=np.uint16)
        for i in shown:
            rows, row, column, z = _seen(part, scene, i)
            width = z / float(scene.cameras.fx[i])  # of a pixel there, world lengths
            level = np.ceil(np.log2(np.maximum(APART * spacing / (FINEST * width), 1.0))).astype(int)
            level = level.clip(0, LEVELS - 1)
            cell = FINEST * 2**level
            before = np.empty(len(rows))
            for k, depth in enumerate(nearest[i]):
                at = level == k
                before[at] = depth[row[at] // cell[at], column[at] // cell[at]]
            instance = shown[i][row, column]
            counted = (z <= before + band + SLANT * cell * width) & (instance >= 0)
            votes[rows[counted], instance[counted]] += 1
        most = votes.argmax(axis=1)
        found.append(np.where(votes.max(axis=1) > 0, most, -1))
    return torch.from_numpy(np.concatenate(found) if found else np.zeros(0, np.int64))


def _seen(points: np.ndarray, scene: Scene, i: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Of points [N, 3] those in picture i: which they are, their pixels (row, column), z-depths; [V] each."""
    uv, z = scene.cameras.project(i, points)
    height, width = int(scene.cameras.height[i]), int(scene.cameras.width[i])
    with np.errstate(invalid="ignore"):
        within = (z > 0) & (uv >= 0).all(axis=1) & (uv[:, 0] < width) & (uv[:, 1] < height)
    rows = np.flatnonzero(within)
    column, row = uv[rows].astype(np.int64).T
    return rows, row, column, z[rows]


def _nearest(points: np.ndarray, scene: Scene, i: int) -> list[np.ndarray]:
    """The least z-depth of points [N, 3] in cells of picture i, by level; infinite where there is none."""
    most = FINEST * 2 ** (LEVELS - 1)
    height, width = (
        most // FINEST * -(-int(side[i]) // most) for side in (scene.cameras.height, scene.cameras.width)
    )
    depth = np.full((height, width), np.inf)
    _, row, column, z = _seen(points, scene, i)
    np.minimum.at(depth, (row // FINEST, column // FINEST), z)
    levels = [depth]
    for _ in range(LEVELS - 1):
        depth = depth.reshape(depth.shape[0] // 2, 2, depth.shape[1] // 2, 2).min(axis=(1, 3))
        levels.append(depth)
    return levels
