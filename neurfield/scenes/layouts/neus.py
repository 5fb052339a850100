"""Reader of NeuS, IDR and VolSDF, the layout in which DTU and BlendedMVS are handed around.

    scan24/cameras_sphere.npz        world_mat_0, scale_mat_0, ...; IDR's name is cameras.npz
    scan24/image/000000.png          the i-th by name has matrices i
    scan24/mask/000.png              white is the object

world_mat_i carries the world to pixels: intrinsics times cam_from_world, in OpenCV's axes, the middle of the
first pixel at (0, 0). scale_mat_i carries the unit sphere to the world. The world stays that of world_mat
(DTU's millimetres), and the box is the one around the sphere: meshes need no scale_mat to be compared.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from neurfield.errors import UserError
from neurfield.scenes.cameras import Cameras
from neurfield.scenes.images import FileList, has_alpha, read_alpha, read_mask, read_rgb
from neurfield.scenes.layouts.pictures import camera_sizes, pictures_in
from neurfield.scenes.layouts.rotations import checked_poses
from neurfield.scenes.scene import Scene

LOOKS_FOR = "NeuS, IDR or DTU (cameras_sphere.npz or cameras.npz, image/)"
_CAMERAS = ("cameras_sphere.npz", "cameras.npz")
_IMAGES, _MASKS = ("image", "images", "rgb"), ("mask", "masks")
_MOST_SKEW = 1e-3  # of fx: a tenth of a pixel at the border of a picture


def recognises(path: Path) -> bool:
    """Whether a folder is in this layout, however incomplete."""
    return any((path / name).is_file() for name in _CAMERAS)


def read(path: Path) -> Scene:
    """The scene of a folder in NeuS' layout; UserError names the file or matrix that is missing or wrong."""
    file = next(path / name for name in _CAMERAS if (path / name).is_file())
    images = next((found for name in _IMAGES if (found := pictures_in(path / name))), [])
    if not images and next(path.glob("*_rgb.png"), None):
        raise UserError(
            f"{path}: is a scene of MonoSDF (000000_rgb.png): its {file.name} is for pictures that were not "
            "yet cropped, so read the data set that it was made of (Replica, DTU)"
        )
    if not images:
        raise UserError(f"{path / _IMAGES[0]}: no pictures in it: copy them from the data set")
    matrices = _matrices(file, len(images))
    parts = [_decomposed(matrices[f"world_mat_{i}"], f"{file}: world_mat_{i}") for i in range(len(images))]
    poses = checked_poses(
        np.stack([pose for _, pose in parts]), [f"{file}: world_mat_{i}" for i in range(len(images))]
    )
    lens = np.stack([intrinsics for intrinsics, _ in parts])
    width, height = camera_sizes(images)
    cameras = Cameras(
        poses, lens[:, 0, 0], lens[:, 1, 1], lens[:, 0, 2] + 0.5, lens[:, 1, 2] + 0.5, width, height
    )
    files = {"image": FileList(tuple(images), read_rgb)}
    masks = _masks(path, images)
    if masks is not None:
        files["mask"] = masks
    return Scene(path.name, path, cameras, files, box=_box(matrices, file))


def _matrices(file: Path, count: int) -> dict[str, np.ndarray]:
    """world_mat_i of all pictures, and scale_mat_0 where there is one."""
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


def _box(matrices: dict[str, np.ndarray], file: Path) -> np.ndarray | None:
    """The box [2,3] around the sphere of scale_mat_0, world."""
    if "scale_mat_0" not in matrices:
        return None
    scale_mat = matrices["scale_mat_0"]
    radius = np.linalg.norm(scale_mat[:3, :3], axis=1)
    if not radius.all():
        raise UserError(f"{file}: scale_mat_0 is a sphere of no size: write its radius and middle")
    return np.stack([scale_mat[:3, 3] - radius, scale_mat[:3, 3] + radius])


def _masks(path: Path, images: list[Path]) -> FileList | None:
    """Masks of the same names as the pictures, else as many in the same order, else the alpha channel."""
    for folder in _MASKS:
        found = pictures_in(path / folder)
        by_name = {mask.stem: mask for mask in found}
        if any(image.stem in by_name for image in images):
            return FileList(tuple(by_name.get(image.stem) for image in images), read_mask)
        if len(found) == len(images):
            return FileList(tuple(found), read_mask)
        if found:
            raise UserError(
                f"{path / folder}: {len(found)} masks for {len(images)} pictures, of other names: give each "
                "the name of its picture"
            )
    return FileList(tuple(images), read_alpha) if has_alpha(images[0]) else None
