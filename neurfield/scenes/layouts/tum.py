"""Reader of TUM RGB-D sequences.

    rgb.txt, depth.txt               time and file, a line a frame
    groundtruth.txt                  time, position, quaternion x y z w: world_from_cam, OpenCV's axes, metres
    rgb/, depth/                     depth in 16 bits, 5000 a metre
    calibration.txt                  fx fy cx cy, or with k1 k2 p1 p2 k3: for sequences of other cameras

Depth and pose of a picture are those nearest in time, at most 20 ms apart; pictures without a pose are left
out, and counted. Lenses of the data set's three cameras are known by the folder's name (freiburg1, 2, 3), of
640x480; calibration.txt, as ETH3D's SLAM benchmark has it, is of the pictures beside it, of any size. The
middle of the first pixel is at (0, 0) in both.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from neurfield.errors import UserError
from neurfield.scenes.images import FileList, file_size, read_depth, read_rgb
from neurfield.scenes.layouts.pictures import beside, cameras_of_lens, without_missing
from neurfield.scenes.layouts.rotations import placed, read_numbers
from neurfield.scenes.layouts.timestamps import nearest_in_time
from neurfield.scenes.lenses import Lens
from neurfield.scenes.scene import Scene

LOOKS_FOR = "TUM RGB-D (rgb.txt, groundtruth.txt)"
_WITHIN = 0.02  # s: the published associate.py's
_PER_METRE = 5000.0
_SIZE = (640, 480)
# fx, fy, cx, cy, k1, k2, p1, p2, k3 of the colour cameras; the third one's pictures are undistorted already.
# Source: the data set's page of file formats.
_CAMERAS = {
    "1": (517.3, 516.5, 318.6, 255.3, 0.2624, -0.9531, -0.0054, 0.0026, 1.1633),
    "2": (520.9, 521.0, 325.1, 249.7, 0.2312, -0.7849, -0.0033, -0.0001, 0.9172),
    "3": (535.4, 539.2, 320.1, 247.6, 0.0, 0.0, 0.0, 0.0, 0.0),
}


def recognises(path: Path) -> bool:
    """Whether a folder is in this layout, however incomplete."""
    return (path / "groundtruth.txt").is_file() and (path / "rgb.txt").is_file()


def read(path: Path) -> Scene:
    """The scene of a sequence; UserError names the file that is missing or wrong."""
    times, pictures = _listed(path / "rgb.txt")
    poses = read_numbers(path / "groundtruth.txt", 8)
    partner = nearest_in_time(times, poses[:, 0], _WITHIN)
    posed = np.flatnonzero(partner >= 0)
    if not len(posed):
        raise UserError(
            f"{path / 'groundtruth.txt'}: no pose within {_WITHIN} s of any of the {len(times)} pictures of "
            "rgb.txt: copy the files of one sequence"
        )
    notes: tuple[str, ...] = ()
    if len(posed) < len(times):
        notes = (
            f"{len(times) - len(posed)} of {len(times)} pictures have no pose within {_WITHIN} s, and are "
            "left out",
        )
    kept, lost = without_missing(beside([pictures[k] for k in posed]), path / "rgb.txt", str(pictures[0]))
    frames = posed[kept]
    where = str(path / "groundtruth.txt")
    world_from_cam = [placed(poses[k, 1:4], poses[k, 4:], where) for k in partner[frames]]
    images = [pictures[k] for k in frames]
    lens, size = _lens(path, images[0])
    cameras = cameras_of_lens(np.stack(world_from_cam), lens, size, images)
    files = {"image": FileList(tuple(images), read_rgb)}
    if (path / "depth.txt").is_file():
        depth_times, maps = _listed(path / "depth.txt")
        near = nearest_in_time(times[frames], depth_times, _WITHIN)
        there = tuple(maps[k] if k >= 0 and maps[k].is_file() else None for k in near)
        files["sensor_depth"] = FileList(there, read_depth(1.0 / _PER_METRE))
    return Scene(path.name, path, cameras, files, notes=(*notes, *lost), unit="m")


def _listed(file: Path) -> tuple[np.ndarray, list[Path]]:
    """Times [n] and files of a list, in the order of time."""
    entries = []
    for number, line in enumerate(file.read_text(errors="replace").splitlines(), start=1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        try:
            entries.append((float(words[0]), file.parent / words[1]))
        except (ValueError, IndexError) as reason:
            raise UserError(f"{file}:{number}: {reason}: a line is a time and a file") from reason
    if not entries:
        raise UserError(f"{file}: no files in it: copy it from the data set")
    entries.sort()
    return np.array([time for time, _ in entries]), [path for _, path in entries]


def _lens(path: Path, picture: Path) -> tuple[Lens, tuple[int, int]]:
    """The lens of calibration.txt, of such pictures; else of the camera that the folder is named after."""
    file = path / "calibration.txt"
    if file.is_file():
        try:
            numbers = [float(word) for word in file.read_text().replace(",", " ").split()]
        except ValueError:
            numbers = []
        if len(numbers) not in (4, 8, 9) or not np.isfinite(numbers).all() or min(numbers[:2]) <= 0:
            raise UserError(
                f"{file}: expected fx fy cx cy, or these and k1 k2 p1 p2 k3: write them in a line"
            )
        size = file_size(picture)
        if any(not 0.1 < centre / side < 0.9 for centre, side in zip(numbers[2:4], size)):
            raise UserError(
                f"{file}: the principal point ({numbers[2]:g}, {numbers[3]:g}) is not in the middle of "
                f"pictures of {size[0]}x{size[1]} pixels: write the numbers for pictures of this size"
            )
    else:
        name = re.search(r"(?:freiburg|fr)([123])", path.name)
        if name is None:
            raise UserError(
                f"{file}: no such file, and {path.name!r} names none of the data set's cameras (freiburg1, "
                "2, 3): write fx fy cx cy into it"
            )
        numbers, size = list(_CAMERAS[name[1]]), _SIZE
    fx, fy, cx, cy, *five = numbers
    k1, k2, p1, p2, k3 = (*five, 0.0, 0.0, 0.0, 0.0, 0.0)[:5]
    return Lens("FULL_OPENCV", fx, fy, cx + 0.5, cy + 0.5, (k1, k2, p1, p2, k3, 0.0, 0.0, 0.0)), size
