"""Reader of Apple's ARKitScenes, raw or as its 3D detection set has it.

    lowres_wide.traj                                 time, axis times angle, translation: cam_from_world,
                                                     OpenCV's axes, metres, ten a second
    lowres_wide/ID_TIME.png                          256x192
    lowres_wide_intrinsics/ID_TIME.pincam            width height fx fy cx cy
    lowres_depth/ID_TIME.png, confidence/ID_TIME.png millimetres; depth of the lowest confidence is left out

The folder itself, or ID_frames/ in it. Times are rounded to milliseconds: what lies within two belongs
together. Pictures between two poses are left out.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from neurfield.errors import UserError
from neurfield.scenes.images import FileList, read_rgb
from neurfield.scenes.layouts.phones import read_sure_depth
from neurfield.scenes.layouts.pictures import Size, cameras_of_lenses, pictures_in
from neurfield.scenes.layouts.rotations import checked_poses, read_numbers
from neurfield.scenes.layouts.timestamps import nearest_in_time
from neurfield.scenes.lenses import Lens
from neurfield.scenes.scene import Scene

LOOKS_FOR = "ARKitScenes (lowres_wide.traj, lowres_wide/)"
_TRAJECTORY = "lowres_wide.traj"
_WITHIN = 0.002  # s


def recognises(path: Path) -> bool:
    """Whether a folder is in this layout, however incomplete."""
    return _frames(path) is not None


def read(path: Path) -> Scene:
    """The scene of a capture; UserError names the file that is missing or wrong."""
    folder = _frames(path)
    if folder is None:
        raise UserError(f"{path / _TRAJECTORY}: no such file: copy it from the data set")
    rows = read_numbers(folder / _TRAJECTORY, 7)
    times, pictures = _timed(pictures_in(folder / "lowres_wide"))
    if not pictures:
        raise UserError(f"{folder / 'lowres_wide'}: no pictures in it: looked for ID_TIME.png")
    # Of the pictures around a pose the nearest; a pose whose picture is not there has none.
    partner = nearest_in_time(rows[:, 0], times, _WITHIN)
    posed = np.flatnonzero(partner >= 0)
    if not len(posed):
        raise UserError(
            f"{folder / _TRAJECTORY}: none of its {len(rows)} poses is within {1000 * _WITHIN:.0f} ms of a "
            "picture of lowres_wide/: copy the files of one capture"
        )
    notes: tuple[str, ...] = ()
    if len(posed) < len(rows):
        notes = (f"{len(rows) - len(posed)} of {len(rows)} poses have no picture, and are left out",)
    images = [pictures[k] for k in partner[posed]]
    poses = checked_poses(
        np.stack([_world_from_cam(row[1:], folder) for row in rows[posed]]),
        [f"{folder / _TRAJECTORY}: time {row[0]}" for row in rows[posed]],
    )
    lenses, sizes = _lenses(folder, times[partner[posed]], images)
    cameras = cameras_of_lenses(poses, lenses, sizes, images)
    files = {
        "image": FileList(tuple(images), read_rgb),
        "sensor_depth": FileList(
            _nearest(folder / "lowres_depth", "*.png", times[partner[posed]]), read_sure_depth
        ),
    }
    return Scene(path.name, path, cameras, files, notes=notes, unit="m")


def _frames(path: Path) -> Path | None:
    """The folder of a capture's frames: itself, or ID_frames/ in it."""
    if (path / _TRAJECTORY).is_file():
        return path
    return next((file.parent for file in sorted(path.glob(f"*_frames/{_TRAJECTORY}"))), None)


def _timed(files: list[Path]) -> tuple[np.ndarray, list[Path]]:
    """Times [n] and files, of those whose names end in a time."""
    found = [(float(match[1]), file) for file in files if (match := re.search(r"_(\d+\.\d+)$", file.stem))]
    return np.array([time for time, _ in found]), [file for _, file in found]


def _nearest(folder: Path, pattern: str, times: np.ndarray) -> tuple[Path | None, ...]:
    """The file of each time in a folder, None where there is none."""
    others, files = _timed(sorted(folder.glob(pattern)) if folder.is_dir() else [])
    return tuple(files[k] if k >= 0 else None for k in nearest_in_time(times, others, _WITHIN))


def _world_from_cam(numbers: np.ndarray, folder: Path) -> np.ndarray:
    """The inverse [4,4] of a turn (axis times angle) and a translation."""
    from scipy.spatial.transform import Rotation

    if not np.isfinite(numbers).all():
        raise UserError(f"{folder / _TRAJECTORY}: the pose {numbers.tolist()}: take its line out")
    pose = np.eye(4)
    pose[:3, :3] = Rotation.from_rotvec(numbers[:3]).as_matrix().T
    pose[:3, 3] = -pose[:3, :3] @ numbers[3:]
    return pose


def _lenses(folder: Path, times: np.ndarray, images: list[Path]) -> tuple[list[Lens], list[Size]]:
    """The lens of each picture, by the intrinsics of its time, and the size that it is given for."""
    found = _nearest(folder / "lowres_wide_intrinsics", "*.pincam", times)
    lenses: list[Lens] = []
    sizes: list[Size] = []
    for image, file in zip(images, found):
        if file is None:
            raise UserError(
                f"{folder / 'lowres_wide_intrinsics' / image.stem}.pincam: no such file: copy it again"
            )
        rows = read_numbers(file, 6)
        if rows.shape != (1, 6) or not np.isfinite(rows).all() or (rows[0, :4] <= 0).any():
            raise UserError(f"{file}: expected width height fx fy cx cy in one line: copy it again")
        lenses.append(Lens("PINHOLE", *rows[0, 2:].tolist()))
        sizes.append((int(rows[0, 0]), int(rows[0, 1])))
    return lenses, sizes
