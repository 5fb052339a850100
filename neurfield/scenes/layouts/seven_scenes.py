"""Reader of Microsoft's 7-Scenes.

    chess/seq-01/frame-000000.color.png
    chess/seq-01/frame-000000.depth.png      millimetres, 65535 = nothing
    chess/seq-01/frame-000000.pose.txt       world_from_cam of the depth camera, OpenCV's axes, metres
    chess/TrainSplit.txt, TestSplit.txt      which sequences are trained on

A sequence is a scene; a folder of sequences is the one of those that TrainSplit.txt names, else of all. The
data set gives one calibration: a focal length of 585 for the depth camera, the middle of the picture as its
own. Colour was not registered to it. The frames' cameras are the depth cameras, and colour, of the sensor's
usual focal length of 525, is resampled to them; the 25 mm between the two are not known, and left alone.
Frames whose pose is lost (nan, inf) or missing are left out, and counted.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from neurfield.errors import UserError
from neurfield.scenes.images import FileList, file_size, read_depth, read_rgb
from neurfield.scenes.layouts.pictures import beside, cameras_of_lens, without_missing
from neurfield.scenes.layouts.rotations import checked_poses, read_matrix
from neurfield.scenes.lenses import Lens
from neurfield.scenes.pinhole import PinholeView
from neurfield.scenes.scene import Scene

LOOKS_FOR = "7-Scenes (seq-01/frame-000000.color.png, .depth.png, .pose.txt)"
_SIZE = (640, 480)
_DEPTH = Lens("PINHOLE", 585.0, 585.0, 320.0, 240.0)
_COLOUR = Lens("PINHOLE", 525.0, 525.0, 320.0, 240.0)


def recognises(path: Path) -> bool:
    """Whether a folder is a sequence, or holds some."""
    return path.is_dir() and (_is_sequence(path) or any(_is_sequence(entry) for entry in path.glob("seq-*")))


def read(path: Path) -> Scene:
    """The scene of a sequence or of a folder of them; UserError names the file that is missing or wrong."""
    listed = [file for folder in _sequences(path) for file in sorted(folder.glob("frame-*.pose.txt"))]
    matrices = [read_matrix(file) for file in listed]
    tracked = [k for k, matrix in enumerate(matrices) if np.isfinite(matrix).all()]
    if not tracked:
        raise UserError(f"{path}: all of its {len(listed)} poses hold nan or inf: take another sequence")
    notes: tuple[str, ...] = ()
    if len(tracked) < len(listed):
        lost = len(listed) - len(tracked)
        notes = (f"the poses of {lost} of {len(listed)} frames were lost (nan, inf); they are left out",)
    found = beside([_other(listed[k], "color.png") for k in tracked])
    kept, gone = without_missing(found, path, str(_other(listed[tracked[0]], "color.png")))
    frames = [tracked[k] for k in kept]
    images = [image for image in found if image is not None]
    poses = checked_poses(np.stack([matrices[k] for k in frames]), [str(listed[k]) for k in frames])
    cameras = cameras_of_lens(poses, _DEPTH, _SIZE, images)
    files = {"image": FileList(tuple(images), read_rgb).through([_view(image) for image in images])}
    maps = beside([_other(listed[k], "depth.png") for k in frames])
    files["sensor_depth"] = FileList(maps, read_depth(1e-3))
    name = f"{path.parent.name}-{path.name}" if path.name.startswith("seq-") else path.name
    return Scene(name, path, cameras, files, notes=(*notes, *gone), unit="m")


def _is_sequence(path: Path) -> bool:
    return next(path.glob("frame-*.pose.txt"), None) is not None


def _sequences(path: Path) -> list[Path]:
    """The folders whose frames make the scene."""
    if _is_sequence(path):
        return [path]
    folders = [entry for entry in sorted(path.glob("seq-*")) if _is_sequence(entry)]
    split = path / "TrainSplit.txt"
    if not split.is_file():
        return folders
    # Lines are "sequence1"; folders seq-01.
    numbers = {int(word) for word in re.findall(r"\d+", split.read_text(errors="replace"))}
    trained = [folder for folder in folders if int(re.sub(r"\D", "", folder.name) or -1) in numbers]
    if not trained:
        raise UserError(f"{split}: names none of {', '.join(f.name for f in folders)}: copy the others")
    return trained


def _other(pose: Path, suffix: str) -> Path:
    return pose.with_name(pose.name.removesuffix("pose.txt") + suffix)


def _view(image: Path) -> PinholeView:
    """How the depth camera sees a colour picture."""
    size = file_size(image)
    colour, depth = (lens.scaled(size[0] / _SIZE[0], size[1] / _SIZE[1]) for lens in (_COLOUR, _DEPTH))
    return PinholeView(colour, size, depth.fx, depth.fy, depth.cx, depth.cy, size)
