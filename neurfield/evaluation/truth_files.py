"""Files that benchmarks publish with their true surfaces: points, matrices, trajectories, crop volumes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import trimesh

from neurfield.errors import UserError

_NUMBERS_OF_A_POSE = 3 + 16


@dataclass(frozen=True)
class CropVolume:
    """A prism: a polygon, and a stretch of the axis across it. Open3D's `SelectionPolygonVolume`.

    Attributes:
        axis: 0, 1 or 2, the axis across the polygon.
        stretch: its least and greatest coordinate that count.
        polygon: [n,2], in the other two coordinates, in their order.
    """

    axis: int
    stretch: tuple[float, float]
    polygon: np.ndarray

    def holds(self, points: np.ndarray) -> np.ndarray:
        """Which points [k,3] are inside: bool [k]."""
        u, v = (points[:, axis] for axis in self._across)
        along = points[:, self.axis]
        inside = np.zeros(len(points), bool)
        for (u0, v0), (u1, v1) in zip(self.polygon, np.roll(self.polygon, -1, axis=0)):
            crosses = (v0 < v) != (v1 < v)
            if v0 != v1:
                inside ^= crosses & (u0 + (v - v0) / (v1 - v0) * (u1 - u0) < u)
        return inside & (along >= self.stretch[0]) & (along <= self.stretch[1])

    @property
    def box(self) -> np.ndarray:
        """[2,3] minimum and maximum."""
        box = np.empty((2, 3))
        box[:, self.axis] = self.stretch
        box[:, self._across] = self.polygon.min(axis=0), self.polygon.max(axis=0)
        return box

    @property
    def _across(self) -> list[int]:
        return [axis for axis in range(3) if axis != self.axis]


def read_points(path: Path) -> np.ndarray:
    """The points [k,3] float64 of a ply, whatever else is in it.

    Raises:
        UserError: it is missing, unreadable, empty or not finite.
    """
    _require(path, "the true surface's points")
    try:
        cloud = trimesh.load(path, process=False)
    except Exception as reason:  # trimesh's loaders raise whatever their parsers meet
        raise UserError(f"{path}: not a readable ply ({type(reason).__name__}): copy it again") from reason
    points = np.array(getattr(cloud, "vertices", np.zeros((0, 3))), np.float64)
    if not len(points) or not np.isfinite(points).all():
        raise UserError(f"{path}: has no points, or some that are NaN or infinite: copy it again")
    return points


def read_similarity(path: Path) -> np.ndarray:
    """A text file of a rotation with scale and shift: [4,4], for columns.

    Raises:
        UserError: it is missing, or no such matrix.
    """
    _require(path, "a matrix of four rows of four numbers")
    try:
        matrix = np.array(path.read_text().split(), np.float64).reshape(4, 4)
    except ValueError as reason:
        raise UserError(f"{path}: expected four rows of four numbers") from reason
    turn = matrix[:3, :3]
    scale = np.cbrt(np.linalg.det(turn)) if np.isfinite(matrix).all() else 0.0
    if not scale > 0 or np.abs(turn.T @ turn / scale**2 - np.eye(3)).max() > 1e-3:
        raise UserError(
            f"{path}: its first three columns are not a rotation with a scale; mirrored or sheared?"
        )
    if np.abs(matrix[3] - [0.0, 0.0, 0.0, 1.0]).max() > 1e-9:
        raise UserError(f"{path}: its last row must be 0 0 0 1; are rows written as columns?")
    return matrix


def read_trajectory(path: Path) -> np.ndarray:
    """The camera centres [k,3] of a .log as Tanks and Temples has them, in its order.

    An entry is a line of three whole numbers and four rows of world_from_cam.

    Raises:
        UserError: it is missing, or has other numbers in it.
    """
    _require(path, "a trajectory")
    try:
        numbers = np.array(path.read_text().split(), np.float64).reshape(-1, _NUMBERS_OF_A_POSE)
    except ValueError as reason:
        raise UserError(
            f"{path}: not a trajectory: each camera has a line of three numbers, then four rows of four"
        ) from reason
    poses = numbers[:, 3:].reshape(-1, 4, 4)
    if not len(poses) or np.abs(poses[:, 3] - [0.0, 0.0, 0.0, 1.0]).max(initial=0.0) > 1e-6:
        raise UserError(
            f"{path}: no poses, or some whose last row is not 0 0 0 1: write world_from_cam by rows"
        )
    return poses[:, :3, 3].copy()


def read_mapping(path: Path) -> np.ndarray:
    """Which frames [k] of a video, from 0, are the pictures of a scene: SCENE_mapping_reference.txt.

    Raises:
        UserError: it is missing, or has other numbers in it.
    """
    _require(path, "which frames of the video are the scene's pictures")
    try:
        numbers = np.array(path.read_text().split(), np.int64)
        count = int(numbers[0])
        return np.asarray(numbers[2 : 2 + 2 * count].reshape(count, 2)[:, 1] - 1)
    except (ValueError, IndexError) as reason:
        raise UserError(f"{path}: expected two counts, then pairs of picture and frame") from reason


def read_crop(path: Path) -> CropVolume:
    """A crop volume as Open3D writes it.

    Raises:
        UserError: it is missing, or something of it is.
    """
    _require(path, "the crop volume")
    try:
        data = json.loads(path.read_text())
        axis = ["X", "Y", "Z"].index(str(data["orthogonal_axis"]).upper())
        stretch = float(data["axis_min"]), float(data["axis_max"])
        corners = np.array(data["bounding_polygon"], np.float64).reshape(-1, 3)
    except (ValueError, KeyError, TypeError) as reason:
        raise UserError(
            f"{path}: not a crop volume: it needs orthogonal_axis X, Y or Z, axis_min, axis_max and "
            "bounding_polygon, points of three numbers"
        ) from reason
    polygon = np.delete(corners, axis, axis=1)
    if len(polygon) < 3 or not np.isfinite(polygon).all() or not stretch[0] < stretch[1]:
        raise UserError(
            f"{path}: a crop volume without volume: fewer than three corners, or axis_min >= axis_max"
        )
    return CropVolume(axis, stretch, polygon)


def _require(path: Path, what: str) -> None:
    if not path.is_file():
        raise UserError(f"{path}: there is no such file; it is to hold {what}")
