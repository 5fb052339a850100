"""Reader of Polycam's raw export ("raw data" of a LiDAR or room capture, unzipped).

    keyframes/corrected_cameras/TIME.json, corrected_images/TIME.jpg     after Polycam's own optimisation
    keyframes/cameras/TIME.json, images/TIME.jpg                         as recorded, where there was none
    keyframes/depth/TIME.png                                             millimetres, smaller than pictures
    keyframes/confidence/TIME.png                                        depth of the lowest level is left out

A camera's t_00 to t_23 are the three rows of world_from_cam in ARKit's axes: OpenGL's for the camera, y up
for the world, metres. The world stays so. Corrected pictures are undistorted, which leaves black borders: 15
pixels are cut off all around, and frames of a blur_score below 25 (blurred) left out, as nerfstudio does.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from neurfield.errors import UserError
from neurfield.scenes.cameras import Cameras
from neurfield.scenes.images import FileList, read_rgb
from neurfield.scenes.layouts.phones import read_record, read_sure_depth
from neurfield.scenes.layouts.pictures import beside, cameras_of_lenses, picture_named, without_missing
from neurfield.scenes.layouts.rotations import OPENCV_FROM_OPENGL, checked_poses
from neurfield.scenes.lenses import Lens
from neurfield.scenes.pinhole import PinholeView, resampled
from neurfield.scenes.scene import Scene

LOOKS_FOR = "Polycam (keyframes/cameras/, keyframes/images/)"
_BORDER = 15  # pixels
_SHARP = 25.0  # blur_score, which is high where a picture is sharp
_KINDS = (("corrected_cameras", "corrected_images"), ("cameras", "images"))
_ROWS = [f"t_{row}{column}" for row in range(3) for column in range(4)]
_LENS = ("fx", "fy", "cx", "cy", "width", "height")


def recognises(path: Path) -> bool:
    """Whether a folder is keyframes/, or holds it, however incomplete."""
    return _cameras_in(_keyframes(path)) is not None


def read(path: Path) -> Scene:
    """The scene of an export; UserError names the file or key that is missing or wrong."""
    folder = _keyframes(path)
    kind = _cameras_in(folder)
    if kind is None:
        raise UserError(f"{folder}: no cameras/ in it: export raw data from Polycam, and unzip it")
    listed = sorted((folder / kind[0]).glob("*.json"), key=lambda file: (len(file.stem), file.stem))
    found = [picture_named(folder / kind[1], f"{file.stem}.jpg") for file in listed]
    kept, notes = without_missing(found, folder / kind[0], str(folder / kind[1] / f"{listed[0].stem}.jpg"))
    kept, blurred = _without_blurred(listed, kept)
    images = [image for image in (found[k] for k in kept) if image is not None]
    rows = [_numbers(listed[k]) for k in kept]
    poses = np.tile(np.eye(4), (len(rows), 1, 1))
    poses[:, :3] = np.array([[row[key] for key in _ROWS] for row in rows]).reshape(-1, 3, 4)
    poses = checked_poses(poses, [str(listed[k]) for k in kept]) @ OPENCV_FROM_OPENGL
    lenses = [Lens("PINHOLE", row["fx"], row["fy"], row["cx"], row["cy"]) for row in rows]
    given = [(int(row["width"]), int(row["height"])) for row in rows]
    cameras = cameras_of_lenses(poses, lenses, given, images)
    files = {
        "image": FileList(tuple(images), read_rgb),
        "sensor_depth": FileList(
            beside([folder / "depth" / f"{listed[k].stem}.png" for k in kept]), read_sure_depth
        ),
    }
    name = path.parent.name if path == folder else path.name
    scene = Scene(name, path, cameras, files, notes=(*notes, *blurred), unit="m")
    if kind != _KINDS[0]:
        return scene
    return resampled(scene, [_cut(cameras, i) for i in range(len(images))])


def _keyframes(path: Path) -> Path:
    return path if path.name == "keyframes" else path / "keyframes"


def _cameras_in(folder: Path) -> tuple[str, str] | None:
    """The folders of cameras and pictures, the corrected ones if both are there."""
    for cameras, images in _KINDS:
        there = next((folder / cameras).glob("*.json"), None) if (folder / cameras).is_dir() else None
        if there is not None and ((folder / images).is_dir() or cameras == "cameras"):
            return cameras, images
    return None


def _without_blurred(listed: list[Path], kept: list[int]) -> tuple[list[int], tuple[str, ...]]:
    """The frames that Polycam calls sharp, and what is to be said of the others; all where none is."""
    scores = [read_record(listed[k]).get("blur_score") for k in kept]
    sharp = [k for k, score in zip(kept, scores) if not isinstance(score, (int, float)) or score >= _SHARP]
    count = len(kept) - len(sharp)
    if not count:
        return kept, ()
    if not sharp:
        return kept, (f"all {count} pictures have a blur_score below {_SHARP:g}: they are blurred, and kept",)
    return sharp, (f"{count} of {len(kept)} pictures are blurred (blur_score below {_SHARP:g}) and left out",)


def _numbers(file: Path) -> dict[str, float]:
    data = read_record(file)
    try:
        numbers = {key: float(data[key]) for key in (*_ROWS, *_LENS)}
    except (KeyError, TypeError, ValueError) as reason:
        raise UserError(
            f"{file}: {type(reason).__name__} {reason}: expected t_00 to t_23, fx, fy, cx, cy, width, height"
        ) from reason
    if min(numbers["width"], numbers["height"]) < 1:
        raise UserError(f"{file}: width and height must be positive: copy it again")
    return numbers


def _cut(cameras: Cameras, i: int) -> PinholeView:
    """Picture i without its border."""
    lens = Lens("PINHOLE", cameras.fx[i], cameras.fy[i], cameras.cx[i], cameras.cy[i])
    size = int(cameras.width[i]), int(cameras.height[i])
    inner = size[0] - 2 * _BORDER, size[1] - 2 * _BORDER
    return PinholeView(lens, size, lens.fx, lens.fy, lens.cx - _BORDER, lens.cy - _BORDER, inner)
