"""Poses as other programs write them: quaternions, matrices in text files, camera axes of OpenGL."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from neurfield.errors import UserError
from neurfield.scenes.cameras import pose_trouble

# OpenGL's camera axes are x right, y up, z backwards; OpenCV's x right, y down, z forward.
OPENCV_FROM_OPENGL = np.diag([1.0, -1.0, -1.0, 1.0])


def matrix_of_quaternion(x: float, y: float, z: float, w: float) -> np.ndarray:
    """The rotation [3,3] of a quaternion of any length but 0."""
    x, y, z, w = np.array([x, y, z, w]) / np.linalg.norm([x, y, z, w])
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )


def placed(position: np.ndarray, quaternion: np.ndarray, where: str) -> np.ndarray:
    """The pose [4,4] of a position [3] and a quaternion x y z w [4] of any length but 0.

    Raises:
        UserError: a number is not finite, or the quaternion is 0.
    """
    numbers = [*position, *quaternion]
    if not np.isfinite(numbers).all() or not np.any(quaternion):
        raise UserError(
            f"{where}: position and quaternion are {[float(x) for x in numbers]}: correct them, or take the "
            "frame out"
        )
    pose = np.eye(4)
    pose[:3, :3] = matrix_of_quaternion(*quaternion)
    pose[:3, 3] = position
    return checked_poses(pose[None], [where])[0]


def read_numbers(path: Path, columns: int) -> np.ndarray:
    """The numbers of a text file, [rows, columns] float64, nan and inf among them; # begins a comment.

    Raises:
        UserError: the file is missing, or a line has another number of columns or words that are no numbers.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such file: copy it from the data set")
    rows = []
    for number, line in enumerate(path.read_text(errors="replace").splitlines(), start=1):
        words = line.partition("#")[0].replace(",", " ").split()
        if not words:
            continue
        try:
            rows.append([float(word) for word in words])
        except ValueError as reason:
            raise UserError(f"{path}:{number}: {reason}: expected {columns} numbers a line") from reason
        if len(rows[-1]) != columns:
            raise UserError(f"{path}:{number}: {len(rows[-1])} numbers, expected {columns} a line")
    return np.array(rows, dtype=np.float64).reshape(-1, columns)


def read_matrix(path: Path, size: int = 4) -> np.ndarray:
    """A matrix [size, size] of a text file.

    Raises:
        UserError: as `read_numbers`, or it has another number of rows.
    """
    matrix = read_numbers(path, size)
    if len(matrix) != size:
        raise UserError(f"{path}: {len(matrix)} rows, expected {size}: copy it again")
    return matrix


def checked_poses(poses: np.ndarray, where: list[str]) -> np.ndarray:
    """Poses [n,4,4], all rigid.

    Args:
        poses: world_from_cam.
        where: what each is called in an error.

    Raises:
        UserError: one is not.
    """
    for pose, place in zip(poses, where):
        trouble = pose_trouble(pose)
        if trouble:
            raise UserError(f"{place}: the pose {trouble}: correct it, or take the frame out")
    return poses
