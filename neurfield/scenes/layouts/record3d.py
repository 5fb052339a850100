"""Reader of Record3D's recordings: a .r3d file unzipped, or its export of pictures with EXR depth.

    metadata, or metadata.json       K (by columns), w, h, poses; perFrameIntrinsicCoeffs of newer ones
    rgbd/0.jpg                       or rgb/0.jpg

A pose is a quaternion x y z w and a position: world_from_cam in ARKit's axes, OpenGL's for the camera, y up
for the world, metres. The world stays so. Depth (rgbd/0.depth, compressed by LZFSE, or depth/0.exr) is not
read.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from neurfield.errors import UserError
from neurfield.scenes.images import FileList, read_rgb
from neurfield.scenes.layouts.phones import read_record
from neurfield.scenes.layouts.pictures import cameras_of_lenses
from neurfield.scenes.layouts.rotations import OPENCV_FROM_OPENGL, placed
from neurfield.scenes.lenses import Lens
from neurfield.scenes.scene import Scene

LOOKS_FOR = "Record3D (metadata, rgbd/0.jpg: a .r3d file unzipped)"
_METADATA, _IMAGES = ("metadata", "metadata.json"), ("rgbd", "rgb")


def recognises(path: Path) -> bool:
    """Whether a folder is in this layout, however incomplete."""
    return any((path / name).is_file() for name in _METADATA) and any((path / n).is_dir() for n in _IMAGES)


def read(path: Path) -> Scene:
    """The scene of a recording; UserError names the file or key that is missing or wrong."""
    file = next(path / name for name in _METADATA if (path / name).is_file())
    data = read_record(file)
    poses = _table(file, data, "poses", 7)
    folder = next(path / name for name in _IMAGES if (path / name).is_dir())
    found = {int(picture.stem): picture for picture in folder.glob("*.jpg") if picture.stem.isdigit()}
    numbers = sorted(number for number in found if number < len(poses))
    if not numbers:
        raise UserError(f"{folder}: no picture of the {len(poses)} poses in it: looked for 0.jpg and so on")
    notes = []
    if len(numbers) < len(poses):
        notes.append(f"{len(poses) - len(numbers)} of {len(poses)} pictures are not there and are left out")
    if next(folder.glob("*.depth"), None) or (path / "depth").is_dir():
        notes.append(
            "depth is not read (LZFSE or EXR): write it as 16-bit PNG of millimetres with a transforms.json, "
            "or fit the pictures alone"
        )
    images = [found[number] for number in numbers]
    size = _size(file, data)
    lenses = _lenses(file, data, len(poses))
    world_from_cam = [placed(poses[k, 4:], poses[k, :4], f"{file}: pose {k}") for k in numbers]
    cameras = cameras_of_lenses(
        np.stack(world_from_cam) @ OPENCV_FROM_OPENGL,
        [lenses[k] for k in numbers],
        [size] * len(images),
        images,
    )
    return Scene(
        path.name, path, cameras, {"image": FileList(tuple(images), read_rgb)}, notes=notes, unit="m"
    )


def _table(file: Path, data: dict[str, Any], key: str, columns: int) -> np.ndarray:
    """Numbers [n, columns] under a key."""
    try:
        table = np.array(data[key], dtype=np.float64)
    except (KeyError, TypeError, ValueError) as reason:
        raise UserError(f"{file}: {key} is missing or not numbers: it is no recording's") from reason
    if table.ndim != 2 or table.shape[1] != columns or not len(table):
        raise UserError(f"{file}: {key} has shape {table.shape}, expected {columns} numbers a frame")
    return table


def _size(file: Path, data: dict[str, Any]) -> tuple[int, int]:
    """Width and height that the lenses are for."""
    try:
        size = int(data["w"]), int(data["h"])
    except (KeyError, TypeError, ValueError) as reason:
        raise UserError(f"{file}: w or h is missing or no number: write the pictures' size") from reason
    if min(size) < 1:
        raise UserError(f"{file}: w and h are {size}: write the pictures' size")
    return size


def _lenses(file: Path, data: dict[str, Any], count: int) -> list[Lens]:
    """The lens of each frame, else the one of all."""
    if data.get("perFrameIntrinsicCoeffs"):
        rows = _table(file, data, "perFrameIntrinsicCoeffs", 4)
        if len(rows) != count:
            raise UserError(f"{file}: {len(rows)} perFrameIntrinsicCoeffs for {count} poses: copy it again")
    else:
        try:
            matrix = np.array(data["K"], dtype=np.float64).reshape(3, 3).T
        except (KeyError, TypeError, ValueError) as reason:
            raise UserError(f"{file}: K is missing or not nine numbers: write it by columns") from reason
        rows = np.tile([matrix[0, 0], matrix[1, 1], matrix[0, 2], matrix[1, 2]], (count, 1))
    if not np.isfinite(rows).all() or (rows[:, :2] <= 0).any():
        raise UserError(f"{file}: focal lengths must be positive numbers: correct K")
    return [Lens("PINHOLE", *row) for row in rows.tolist()]
