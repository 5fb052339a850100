"""Reader of Neural RGB-D's scenes (Azinović et al. 2022).

    images/img0.png                  numbered without zeros
    depth_filtered/depth0.png        millimetres; else depth_with_noise/, else depth/
    poses.txt                        world_from_cam, four rows a frame, OpenGL's axes, metres; nan = lost
    trainval_poses.txt               estimated poses, where there is no poses.txt
    focal.txt                        pixels; the principal point is the picture's middle

Of depth with noise and filtered depth, both measured, the filtered is read. depth/ beside depth_with_noise/
is exact (synthetic scenes), else it is the sensor's.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from neurfield.errors import UserError
from neurfield.scenes.cameras import Cameras
from neurfield.scenes.images import FileList, read_depth, read_rgb
from neurfield.scenes.layouts.pictures import camera_sizes, pictures_in
from neurfield.scenes.layouts.rotations import OPENCV_FROM_OPENGL, checked_poses, read_numbers
from neurfield.scenes.scene import Scene

LOOKS_FOR = "Neural RGB-D (images/img0.png, poses.txt, focal.txt)"
_POSES = ("poses.txt", "trainval_poses.txt")
_MEASURED = ("depth_filtered", "depth_with_noise", "depth")


def recognises(path: Path) -> bool:
    """Whether a folder is in this layout, however incomplete."""
    return (path / "focal.txt").is_file() and any((path / name).is_file() for name in _POSES)


def read(path: Path) -> Scene:
    """The scene of a folder; UserError names the file that is missing or wrong."""
    file = next(path / name for name in _POSES if (path / name).is_file())
    rows = read_numbers(file, 4)
    if not len(rows) or len(rows) % 4:
        raise UserError(f"{file}: {len(rows)} rows, expected four a frame: copy it again")
    matrices = rows.reshape(-1, 4, 4)
    pictures = _numbered(path / "images")
    if not pictures:
        raise UserError(f"{path / 'images'}: no pictures in it: looked for img0.png and so on")
    if max(pictures) >= len(matrices):
        raise UserError(
            f"{pictures[max(pictures)]}: {file.name} has {len(matrices)} poses and none for this picture: "
            "copy it again"
        )
    kept = [k for k in sorted(pictures) if np.isfinite(matrices[k]).all()]
    if not kept:
        raise UserError(f"{file}: all poses of the {len(pictures)} pictures hold nan: take another file")
    lost = len(pictures) - len(kept)
    notes = (f"the poses of {lost} of {len(pictures)} frames were lost (nan); they are left out",)
    poses = checked_poses(matrices[kept], [f"{file}:{4 * k + 1}" for k in kept]) @ OPENCV_FROM_OPENGL
    focal = read_numbers(path / "focal.txt", 1)
    if focal.shape != (1, 1) or not np.isfinite(focal).all() or focal[0, 0] <= 0:
        raise UserError(f"{path / 'focal.txt'}: {focal.ravel().tolist()}: write one focal length in pixels")
    images = [pictures[k] for k in kept]
    width, height = camera_sizes(images)
    cameras = Cameras(poses, focal[0, 0], focal[0, 0], width / 2, height / 2, width, height)
    files = {"image": FileList(tuple(images), read_rgb)}
    measured = next((name for name in _MEASURED if (path / name).is_dir()), None)
    if measured is not None:
        files["sensor_depth"] = _maps(path / measured, kept)
    if measured != "depth" and (path / "depth_with_noise").is_dir():
        files["depth"] = _maps(path / "depth", kept)
    return Scene(path.name, path, cameras, files, notes=notes if lost else (), unit="m")


def _numbered(folder: Path) -> dict[int, Path]:
    """The pictures of a folder by the number at the end of their names."""
    found = {}
    for picture in pictures_in(folder):
        number = re.search(r"(\d+)$", picture.stem)
        if number:
            found[int(number[1])] = picture
    return found


def _maps(folder: Path, numbers: list[int]) -> FileList:
    found = _numbered(folder)
    return FileList(tuple(found.get(k) for k in numbers), read_depth(1e-3))
