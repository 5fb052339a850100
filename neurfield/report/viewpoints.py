"""Where to look at a mesh from: around an object, or into a room as into a doll's house.

The eye is always outside. A room is looked into by leaving out the faces that turn away from the eye: where
normals point into free space these are the walls and the ceiling between the eye and the room.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# Elevation above the horizon: high enough to see a room's floor behind its furniture, or an object's top.
_ELEVATION_DEGREES = {"inside": 42.0, "outside": 22.0}
_FOV_DEGREES = 38.0
_MARGIN = 1.04


@dataclass(frozen=True)
class Viewpoint:
    """A virtual pinhole.

    Attributes:
        world_from_cam: [4, 4], OpenCV axes.
        fov: vertical field of view in degrees.
    """

    world_from_cam: np.ndarray
    fov: float = _FOV_DEGREES

    @property
    def eye(self) -> np.ndarray:
        """Position in the world [3]."""
        return self.world_from_cam[:3, 3]

    def directions(self, width: int, height: int) -> np.ndarray:
        """Unit directions [height*width,3] in the world through the pixel centres, row by row."""
        v, u = np.meshgrid(np.arange(height) + 0.5, np.arange(width) + 0.5, indexing="ij")
        return self.through(u.ravel(), v.ravel(), width, height)

    def through(self, u: np.ndarray, v: np.ndarray, width: int, height: int) -> np.ndarray:
        """Unit directions [k,3] in the world through places u, v [k] of a picture, in its pixels."""
        focal = 0.5 * height / np.tan(np.radians(self.fov) / 2)
        in_cam = np.stack([(u - width / 2) / focal, (v - height / 2) / focal, np.ones(len(u))], axis=-1)
        in_world = in_cam @ self.world_from_cam[:3, :3].T
        return in_world / np.linalg.norm(in_world, axis=1, keepdims=True)


def look_at(eye: np.ndarray, target: np.ndarray, up: np.ndarray, fov: float = _FOV_DEGREES) -> Viewpoint:
    """The viewpoint at `eye` [3] that has `target` [3] in its middle and `up` [3] upwards."""
    forward = _unit(np.asarray(target, float) - eye)
    right = np.cross(forward, up)
    if np.linalg.norm(right) < 1e-6:  # looking along up: any direction serves as right
        right = np.cross(forward, np.roll(up, 1))
    right = _unit(right)
    pose = np.eye(4)
    pose[:3, :3] = np.stack([right, np.cross(forward, right), forward], axis=1)
    pose[:3, 3] = eye
    return Viewpoint(pose, fov)


def four_sides(box: np.ndarray, kind: str, up: np.ndarray, aspect: float = 4 / 3) -> list[Viewpoint]:
    """Four viewpoints a quarter turn apart on a box that fills their pictures.

    Args:
        box: [2, 3] minimum and maximum, world.
        kind: "inside" for a room, looked into from higher up; "outside" for an object.
        up: unit [3].
        aspect: width over height of the pictures.
    """
    middle = (box[0] + box[1]) / 2
    corners = np.array([[box[i][0], box[j][1], box[k][2]] for i in (0, 1) for j in (0, 1) for k in (0, 1)])
    side = _unit(np.cross(up, [0.0, 1.0, 0.0] if abs(up[1]) < 0.9 else [1.0, 0.0, 0.0]))
    ahead = np.cross(up, side)
    lift = np.radians(_ELEVATION_DEGREES[kind])
    views = []
    for turn in np.radians([35.0, 125.0, 215.0, 305.0]):
        direction = np.cos(lift) * (np.cos(turn) * side + np.sin(turn) * ahead) + np.sin(lift) * up
        # Of a room the corner nearest to the eye belongs to what is left out.
        shown = np.delete(corners, (corners @ direction).argmax(), axis=0) if kind == "inside" else corners
        views.append(_fitted(middle, direction, shown, up, aspect))
    return views


def _fitted(
    middle: np.ndarray, direction: np.ndarray, points: np.ndarray, up: np.ndarray, aspect: float
) -> Viewpoint:
    """The nearest viewpoint in a direction that has all points [k,3] in its picture, around the middle."""
    axes = look_at(middle + direction, middle, up).world_from_cam[:3, :3]
    half = np.tan(np.radians(_FOV_DEGREES) / 2) * np.array([aspect, 1.0]) / _MARGIN
    for _ in range(8):
        in_cam = (points - middle) @ axes
        distance = float(np.max(np.abs(in_cam[:, :2]) / half - in_cam[:, 2:]))
        projected = in_cam[:, :2] / (in_cam[:, 2:] + distance)
        middle = middle + axes[:, :2] @ ((projected.min(axis=0) + projected.max(axis=0)) / 2 * distance)
    return look_at(middle + distance * direction, middle, up)


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector)
