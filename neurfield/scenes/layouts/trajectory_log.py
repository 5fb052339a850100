"""Reader of trajectories in .log files: Tanks and Temples, Redwood, and what Open3D makes of an RGB-D camera.

    Barn_COLMAP_SfM.log              or trajectory.log: a line of three whole numbers, the first of them the
                                     picture's, then four rows of world_from_cam, OpenCV's axes
    000001.jpg                       or in images/, image/, color/, rgb/
    intrinsic.json                   Open3D's: width, height, intrinsic_matrix by columns, the middle of the
                                     first pixel at (0, 0)
    depth/000000.png                 where present, 16 bits: millimetres of a world in metres

Tanks and Temples publishes no intrinsics, so intrinsic.json is to be written from those that the poses were
found with. SCENE_trans.txt leads from this world to the laser's; `neurfield eval --tanks` follows it.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from neurfield.errors import UserError
from neurfield.scenes.images import FileList, read_depth, read_rgb
from neurfield.scenes.layouts.pictures import cameras_of_lens, picture_named, pictures_in
from neurfield.scenes.layouts.rotations import checked_poses
from neurfield.scenes.lenses import Lens
from neurfield.scenes.scene import Scene

LOOKS_FOR = "Tanks and Temples or Open3D (a trajectory .log, pictures, intrinsic.json)"
_INTRINSICS = ("intrinsic.json", "camera_intrinsic.json", "intrinsics.json")
_IMAGES = ("images", "image", "color", "rgb", "")
_EXAMPLE = '{"width": W, "height": H, "intrinsic_matrix": [fx, 0, 0, 0, fy, 0, cx, cy, 1]}'


def recognises(path: Path) -> bool:
    """Whether a folder holds a trajectory, or a file is one."""
    if path.is_dir():
        return bool(_logs(path))
    return path.suffix.lower() == ".log" and path.is_file() and _is_trajectory(path)


def read(path: Path) -> Scene:
    """The scene of a trajectory or its folder; UserError names the file that is missing or wrong."""
    logs = _logs(path) if path.is_dir() else [path]
    if len(logs) > 1:
        names = ", ".join(log.name for log in logs)
        raise UserError(f"{path} holds several trajectories ({names}): name one, e.g. {logs[0]}")
    log, folder = logs[0], logs[0].parent
    numbers, poses = _trajectory(log)
    lens, size = _intrinsics(folder)
    found = next((found for name in _IMAGES if (found := pictures_in(folder / name))), [])
    if not found:
        raise UserError(f"{folder / _IMAGES[0]}: no pictures in it: copy those of {log.name}")
    images = _partners(log, numbers, found)
    cameras = cameras_of_lens(poses, lens, size, images)
    files = {"image": FileList(tuple(images), read_rgb)}
    maps = tuple(picture_named(folder / "depth", f"{image.stem}.png") for image in images)
    in_order = pictures_in(folder / "depth")
    if not any(maps) and len(in_order) == len(found):
        maps = tuple(in_order[found.index(image)] for image in images)
    if any(maps):
        files["sensor_depth"] = FileList(maps, read_depth(1e-3))
    name = folder.name if path.is_dir() else f"{folder.name}-{log.stem}"
    return Scene(name, path, cameras, files, unit="m" if "sensor_depth" in files else "")


def _logs(folder: Path) -> list[Path]:
    return [log for log in sorted(folder.glob("*.log")) if log.is_file() and _is_trajectory(log)]


def _is_trajectory(log: Path) -> bool:
    """Whether a file begins with three whole numbers and a row of four numbers, as no other log does."""
    with open(log, errors="replace") as file:
        first, second = (file.readline().split() for _ in range(2))
    try:
        return len([int(word) for word in first]) == 3 and len([float(word) for word in second]) == 4
    except ValueError:
        return False


def _trajectory(log: Path) -> tuple[np.ndarray, np.ndarray]:
    """The first number of each entry [n], and world_from_cam [n,4,4]."""
    try:
        entries = np.array(log.read_text(errors="replace").split(), dtype=np.float64).reshape(-1, 19)
    except ValueError as reason:
        raise UserError(
            f"{log}: {reason}: each camera has a line of three numbers, then four rows of world_from_cam"
        ) from reason
    poses = entries[:, 3:].reshape(-1, 4, 4)
    return entries[:, 0].astype(np.int64), checked_poses(
        poses, [f"{log}:{5 * k + 1}" for k in range(len(poses))]
    )


def _partners(log: Path, numbers: np.ndarray, found: list[Path]) -> list[Path]:
    """The picture of each pose: in order where there are as many, else by the entries' own numbers."""
    if len(numbers) == len(found):
        return found
    if len(set(numbers.tolist())) < len(numbers) or numbers.min() < 0 or numbers.max() >= len(found):
        raise UserError(
            f"{log}: {len(numbers)} poses for {len(found)} pictures in {found[0].parent}, and their numbers "
            "do not tell which is whose: keep the pictures that it was written for"
        )
    return [found[number] for number in numbers]


def _intrinsics(folder: Path) -> tuple[Lens, tuple[int, int]]:
    """The lens of Open3D's file, and the width and height that it is for."""
    file = next((folder / name for name in _INTRINSICS if (folder / name).is_file()), None)
    if file is None:
        raise UserError(
            f"{folder / _INTRINSICS[0]}: no such file, and a trajectory has no focal lengths: "
            f"write {_EXAMPLE}"
        )
    try:
        data = json.loads(file.read_text())
        width, height = int(data["width"]), int(data["height"])
        matrix = np.array(data["intrinsic_matrix"], dtype=np.float64).reshape(3, 3).T
    except (ValueError, KeyError, TypeError) as reason:
        raise UserError(f"{file}: {type(reason).__name__} {reason}: write {_EXAMPLE}") from reason
    lens = Lens("PINHOLE", matrix[0, 0], matrix[1, 1], matrix[0, 2] + 0.5, matrix[1, 2] + 0.5)
    if not np.isfinite(matrix).all() or min(lens.fx, lens.fy, width, height) <= 0:
        raise UserError(f"{file}: focal lengths and sizes must be positive, by columns: write {_EXAMPLE}")
    return lens, (width, height)
