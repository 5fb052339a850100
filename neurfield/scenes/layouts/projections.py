"""Projections as NeuS, IDR, VolSDF and MonoSDF keep them: an npz of world_mat_i and scale_mat_i.

world_mat_i carries the world to pixels: intrinsics times cam_from_world, in OpenCV's axes, the middle of the
first pixel at (0, 0). scale_mat_i carries the unit sphere to the world.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from neurfield.errors import UserError
from neurfield.scenes.layouts.rotations import checked_poses

_MOST_SKEW = 1e-3  # of fx: a tenth of a pixel at the border of a picture


def read_projections(file: Path, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Poses, intrinsics and box of an npz.

    Args:
        file: with world_mat_0 and on, and mostly scale_mat_0.
        count: of pictures.

    Returns:
        world_from_cam [n,4,4], OpenCV's axes; intrinsics [n,3,3], pixel centres at whole numbers; the box
        [2,3] around the unit sphere, world, or None.

    Raises:
        UserError: the file cannot be read, or a matrix is missing or no camera's.
    """
    matrices = _matrices(file, count)
    where = [f"{file}: world_mat_{i}" for i in range(count)]
    parts = [_decomposed(matrices[f"world_mat_{i}"], where[i]) for i in range(count)]
    poses = checked_poses(np.stack([pose for _, pose in parts]), where)
    return poses, np.stack([intrinsics for intrinsics, _ in parts]), _sphere_box(matrices, file)


def _matrices(file: Path, count: int) -> dict[str, np.ndarray]:
    """world_mat_i of `count` pictures, and scale_mat_0 where there is one."""
    try:
        with np.load(file, allow_pickle=False) as archive:
            wanted = {f"world_mat_{i}" for i in range(count)} | {"scale_mat_0"}
            matrices = {key: np.asarray(archive[key], np.float64) for key in wanted & set(archive.files)}
            held = sum(key.startswith("world_mat_") and "inv" not in key for key in archive.files)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as reason:
        raise UserError(f"{file}: not a readable npz file ({reason}): copy it again") from reason
    lost = next((i for i in range(count) if f"world_mat_{i}" not in matrices), None)
    if lost is not None:
        raise UserError(
            f"{file}: no world_mat_{lost} in it, but {held} others for {count} pictures: "
            "take the pictures out that have none"
        )
    for key, matrix in matrices.items():
        if matrix.shape not in ((4, 4), (3, 4)) or not np.isfinite(matrix).all():
            raise UserError(
                f"{file}: {key} has shape {matrix.shape} or is not finite, expected 4x4 numbers: write it"
            )
    return matrices


def _decomposed(world_mat: np.ndarray, where: str) -> tuple[np.ndarray, np.ndarray]:
    """Intrinsics [3,3] and world_from_cam [4,4] of a projection (Hartley and Zisserman, 6.2.4)."""
    projection = world_mat[:3, :4]
    if abs(np.linalg.det(projection[:, :3])) < 1e-12:
        raise UserError(f"{where} projects onto a line: write intrinsics times cam_from_world")
    if np.linalg.det(projection[:, :3]) < 0:
        projection = -projection
    # An upper triangle times a rotation, by the QR decomposition of the rows from last to first.
    backwards = np.eye(3)[::-1]
    q, r = np.linalg.qr((backwards @ projection[:, :3]).T)
    intrinsics, rotation = backwards @ r.T @ backwards, backwards @ q.T
    signs = np.diag(np.sign(np.diag(intrinsics)))
    intrinsics, rotation = intrinsics @ signs, signs @ rotation
    shift = np.linalg.solve(intrinsics, projection[:, 3])
    intrinsics = intrinsics / intrinsics[2, 2]
    if abs(intrinsics[0, 1]) > _MOST_SKEW * intrinsics[0, 0]:
        raise UserError(
            f"{where} has skewed pixels ({intrinsics[0, 1]:.4g} for fx {intrinsics[0, 0]:.4g}): rectify the "
            "pictures"
        )
    pose = np.eye(4)
    pose[:3, :3] = rotation.T
    pose[:3, 3] = -rotation.T @ shift
    return intrinsics, pose


def _sphere_box(matrices: dict[str, np.ndarray], file: Path) -> np.ndarray | None:
    """The box [2,3] around the sphere of scale_mat_0, world; None where there is no scale_mat_0."""
    if "scale_mat_0" not in matrices:
        return None
    scale_mat = matrices["scale_mat_0"]
    radius = np.linalg.norm(scale_mat[:3, :3], axis=1)
    if not radius.all():
        raise UserError(f"{file}: scale_mat_0 is a sphere of no size: write its radius and middle")
    return np.stack([scale_mat[:3, 3] - radius, scale_mat[:3, 3] + radius])
