"""Reader of MVSNet's layout, in which BlendedMVS comes.

    cams/00000000_cam.txt                     cam_from_world (OpenCV's axes), intrinsics, depth's range
    blended_images/00000000.jpg               or images/ of other sets for MVSNet
    rendered_depth_maps/00000000.pfm          z-depth of the mesh that the pictures were rendered from: exact

The world and its unit are the files'. The middle of the first pixel is at (0.5, 0.5), as MVSNet counts.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from neurfield.errors import UserError
from neurfield.scenes.cameras import Cameras
from neurfield.scenes.images import FileList, read_depth, read_rgb
from neurfield.scenes.layouts.pictures import beside, camera_sizes, picture_named, without_missing
from neurfield.scenes.layouts.rotations import checked_poses
from neurfield.scenes.scene import Scene

LOOKS_FOR = "BlendedMVS (cams/00000000_cam.txt, blended_images/)"
_IMAGES = ("blended_images", "images", "image")
_DEPTH = ("rendered_depth_maps", "depths", "depth")


def recognises(path: Path) -> bool:
    """Whether a folder is in this layout, however incomplete."""
    return (path / "cams").is_dir() and next((path / "cams").glob("*_cam.txt"), None) is not None


def read(path: Path) -> Scene:
    """The scene of a folder in MVSNet's layout; UserError names the file that is missing or wrong."""
    listed = sorted((path / "cams").glob("*_cam.txt"))
    names = [file.name.removesuffix("_cam.txt") for file in listed]
    folder = next((path / name for name in _IMAGES if (path / name).is_dir()), path / _IMAGES[0])
    found = [picture_named(folder, f"{name}.jpg") for name in names]
    kept, notes = without_missing(found, path / "cams", str(folder / f"{names[0]}.jpg"))
    images = [image for image in found if image is not None]
    matrices = [_camera(listed[i]) for i in kept]
    poses = checked_poses(np.stack([pose for pose, _ in matrices]), [str(listed[i]) for i in kept])
    lens = np.stack([intrinsics for _, intrinsics in matrices])
    width, height = camera_sizes(images)
    cameras = Cameras(poses, lens[:, 0, 0], lens[:, 1, 1], lens[:, 0, 2], lens[:, 1, 2], width, height)
    files = {"image": FileList(tuple(images), read_rgb)}
    for name in _DEPTH:
        maps = beside([path / name / f"{names[i]}.pfm" for i in kept])
        if any(maps):
            files["depth"] = FileList(maps, read_depth(1.0))
            break
    return Scene(path.name, path, cameras, files, notes=notes)


def _camera(file: Path) -> tuple[np.ndarray, np.ndarray]:
    """world_from_cam [4,4] and intrinsics [3,3] of a file of one camera."""
    text = file.read_text(errors="replace")
    parts = re.search(r"extrinsic\s+(.*?)\s*intrinsic\s+(.*)", text, re.DOTALL)
    try:
        if parts is None:
            raise ValueError("no 'extrinsic' and 'intrinsic' in it")
        cam_from_world = np.array(parts[1].split(), dtype=np.float64).reshape(4, 4)
        intrinsics = np.array(parts[2].split()[:9], dtype=np.float64).reshape(3, 3)
        return np.linalg.inv(cam_from_world), intrinsics
    except (ValueError, np.linalg.LinAlgError) as reason:
        raise UserError(
            f"{file}: {reason}: write 'extrinsic' and 4x4 numbers, 'intrinsic' and 3x3"
        ) from reason
