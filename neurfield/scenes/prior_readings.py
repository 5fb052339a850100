"""What depth and normals of monocular networks say together, and in which other reading they would agree.

Two things hold of every picture, whatever a network's scale and shift. Normals of what is seen look towards
the camera: n . r < 0 for the ray r = (x, y, 1) of a pixel. And a plane's inverse depth is linear in the
picture, 1 / z = (n . r) / (n . P), so that depth grows in the direction of (n_x, n_y): a prior's slope over
the picture and the normals lean the same way, or one of them is in other axes, or depth is disparity.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from neurfield.scenes.cameras import Cameras

_ACROSS = 80  # pixels that are looked at along a picture's width
_REACH = 0.01  # of the width, on both sides, over which a prior's slope is taken
_LEANS = 0.3  # tangent between a normal and its ray, above which it says where depth grows
_DOWN, _LEVEL = -0.26, 0.94  # sine of 15 degrees below the horizon; cosine of 20 degrees off upright
_GRAZING = 0.2  # cosine between a normal and its ray
_EDGE = 0.5  # of a slope: where it changes by more from one side to the other, depth jumps
_FEWEST, _FEW = 30, 0.01  # pixels, and as a share of all


@dataclass(frozen=True)
class PriorLook:
    """What the priors of one frame say at k pixels.

    Attributes:
        ray: [k,3], camera axes, z = 1.
        normal: [k,3] unit, as their file says, 0 where unknown; or None.
        depth: [k], or None.
        slope: [k,2], how the prior's depth changes over x and y of the rays, 0 where it jumps; or None.
        camera_from_world: [3,3].
    """

    ray: np.ndarray
    normal: np.ndarray | None
    depth: np.ndarray | None
    slope: np.ndarray | None
    camera_from_world: np.ndarray

    def facing(self, turn: np.ndarray | None = None) -> np.ndarray:
        """How many known normals, turned by [3,3] first, look towards the camera.

        Returns:
            int64 [4,2], how many do and how many there are: of all, and of those along the camera's x, y and
            z axis that are not seen at a grazing angle, because most surfaces look back along z, and a
            mirrored axis spoils few others.
        """
        normal = self._turned(turn)
        along = np.einsum("ki,ki->k", normal, self.ray) / np.linalg.norm(self.ray, axis=1)
        toward, known = along < 0, np.abs(normal).sum(axis=1) > 0
        axis = np.where(known & (np.abs(along) > _GRAZING), np.abs(normal).argmax(axis=1), -1)
        groups = [known, *(axis == k for k in range(3))]
        return np.array([[int((toward & group).sum()), int(group.sum())] for group in groups])

    def leaning(self, turn: np.ndarray | None = None) -> float:
        """Mean cosine between the prior's slope and where normals, turned first, say that depth grows.

        Near 1 where both are right, near -1 where one of them is the other way round; NaN where the picture
        shows too little that leans.
        """
        if self.slope is None or self.normal is None:
            return float("nan")
        normal = self._turned(turn)
        away = np.abs(np.einsum("ki,ki->k", normal, self.ray))
        grows = normal[:, :2] / np.maximum(away, 0.1)[:, None]
        steep, lean = np.linalg.norm(self.slope, axis=1), np.linalg.norm(grows, axis=1)
        used = (lean > _LEANS) & (steep > 0)
        if used.sum() < _FEWEST:
            return float("nan")
        cosine = np.einsum("ki,ki->k", self.slope, grows)[used] / (steep * lean)[used]
        return float(cosine.mean())

    def floors(self, up: np.ndarray) -> tuple[int, int]:
        """How many of the normals on rays that look down are those of floors, and how many there are.

        Args:
            up: [3], world.
        """
        if self.normal is None:
            return 0, 0
        upright = self.camera_from_world @ up
        downwards = self.ray @ upright / np.linalg.norm(self.ray, axis=1) < _DOWN
        below = self.normal[downwards & (np.abs(self.normal).sum(axis=1) > 0)]
        return int((below @ upright > _LEVEL).sum()), len(below)

    def _turned(self, turn: np.ndarray | None) -> np.ndarray:
        assert self.normal is not None
        return self.normal if turn is None else self.normal @ turn.T


def prior_look(cameras: Cameras, i: int, normal: np.ndarray | None, depth: np.ndarray | None) -> PriorLook:
    """Look at the priors [H,W,3] and [H,W] of frame i, either of which may be missing, at some pixels.

    The lens is taken as straight: distortion turns rays by less than what is asked here.
    """
    height, width = (normal if normal is not None else depth).shape[:2]  # type: ignore[union-attr]
    reach, stride = max(1, round(_REACH * width)), max(1, width // _ACROSS)
    rows, columns = (
        axis.ravel()
        for axis in np.meshgrid(
            np.arange(reach, height - reach, stride), np.arange(reach, width - reach, stride), indexing="ij"
        )
    )
    fx, fy, cx, cy = (float(numbers[i]) for numbers in (cameras.fx, cameras.fy, cameras.cx, cameras.cy))
    ray = np.stack([(columns + 0.5 - cx) / fx, (rows + 0.5 - cy) / fy, np.ones(len(rows))], axis=1)
    value = slope = None
    if depth is not None:
        value = np.asarray(depth[rows, columns], dtype=np.float64)
        sides = [
            (rows, columns - reach),
            (rows, columns + reach),
            (rows - reach, columns),
            (rows + reach, columns),
        ]
        left, right, above, below = (np.asarray(depth[side], dtype=np.float64) for side in sides)
        per_ray = np.array([fx, fy]) / (2 * reach)
        slope = np.stack([right - left, below - above], axis=1) * per_ray
        bend = np.abs(np.stack([right + left - 2 * value, below + above - 2 * value], axis=1) * per_ray)
        slope[bend.max(axis=1) > _EDGE * np.linalg.norm(slope, axis=1)] = 0.0
    return PriorLook(
        ray, None if normal is None else np.asarray(normal[rows, columns], dtype=np.float64), value, slope,
        cameras.world_from_cam[i, :3, :3].T,
    )  # fmt: skip


def other_normals(look: PriorLook) -> list[tuple[str, np.ndarray]]:
    """What may be wrong with a frame's normals, each with the turn [3,3] that would make them right."""
    away, opengl = -np.eye(3), np.diag([1.0, -1.0, -1.0])
    return [
        ("they are turned round: theirs look away from the camera", away),
        ("their camera axes are OpenGL's (y up, z backwards)", opengl),
        ("their camera axes are OpenGL's, and they look away from the camera", away @ opengl),
        ("they are in the world's axes", look.camera_from_world),
        ("they are in the world's axes, and look away from the camera", away @ look.camera_from_world),
        ("their y axis looks up", np.diag([1.0, -1.0, 1.0])),
        ("their x and y axes look left and up", np.diag([-1.0, -1.0, 1.0])),
    ]


def facing_shares(looks: Sequence[PriorLook], turns: Sequence[np.ndarray | None]) -> tuple[float, float]:
    """Of all normals of some looks, each turned first, the share that looks towards the camera.

    Returns:
        The share of all, and the least share of those along an axis of the camera, NaN for none.
    """
    counts = sum((look.facing(turn) for look, turn in zip(looks, turns)), np.zeros((4, 2), dtype=np.int64))
    shares = counts[:, 0] / np.maximum(counts[:, 1], 1)
    enough = counts[:, 1] >= max(_FEWEST, _FEW * counts[0, 1])
    if not enough[0]:
        return float("nan"), float("nan")
    return float(shares[0]), float(shares[enough].min())


def rank_correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Spearman's, of [k] and [k]; NaN where one of them is the same everywhere."""
    ranks = [np.unique(values, return_inverse=True)[1].astype(np.float64) for values in (a, b)]
    if len(a) < _FEWEST or min(rank.std() for rank in ranks) == 0.0:
        return float("nan")
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1])
