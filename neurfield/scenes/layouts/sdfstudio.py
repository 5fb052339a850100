"""Reader of SDFStudio's meta_data.json.

    width, height                                  of the pictures that intrinsics are of
    worldtogt                                      4x4, carries the file's world to that of the true surface
    scene_box: aabb                                the box, in the file's world
    frames: rgb_path                               and of each:
            camtoworld, intrinsics                 4x4, OpenCV's camera axes; 4x4 or 3x3, pixels
            mono_depth_path, mono_normal_path      priors, as MonoSDF has them
            sensor_depth_path                      npy, z-depth in the file's world
            foreground_mask                        white is the object
            segment_path                           ids of things; else segs/000000_segs.png (ObjectSDF++)

The world of the scene is the one that worldtogt leads to, in which meshes are measured: SDFStudio's own is
scaled into a box of 2. Sensor depth and the box are carried there, too. As in nerfstudio, which SDFStudio
stands on, the middle of the first pixel is at (0.5, 0.5).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from neurfield.errors import UserError
from neurfield.scenes.images import (
    FileList,
    masks_or_alpha,
    read_depth,
    read_prior_depth,
    read_prior_normal,
    read_rgb,
    read_segment,
)
from neurfield.scenes.layouts.monosdf import true_surface
from neurfield.scenes.layouts.phones import read_record
from neurfield.scenes.layouts.pictures import cameras_of_lenses, without_missing
from neurfield.scenes.layouts.rotations import checked_poses
from neurfield.scenes.lenses import Lens
from neurfield.scenes.scene import Scene
from neurfield.scenes.segments import segments_beside

LOOKS_FOR = "SDFStudio (meta_data.json)"
_NAME = "meta_data.json"
_PINHOLES = ("OPENCV", "PINHOLE", "PERSPECTIVE", "SIMPLE_PINHOLE")
_PRIORS = ("mono_depth_path", "mono_normal_path")


def recognises(path: Path) -> bool:
    """Whether a folder holds a meta_data.json, or a file is one."""
    if path.is_dir():
        return (path / _NAME).is_file()
    if path.suffix.lower() != ".json" or not path.is_file():
        return False
    try:
        data = json.loads(path.read_text())
    except (OSError, ValueError):
        return path.name == _NAME
    frames = data.get("frames") if isinstance(data, dict) else None
    return isinstance(frames, list) and any("camtoworld" in f for f in frames if isinstance(f, dict))


def read(path: Path) -> Scene:
    """The scene of a meta_data.json or its folder; UserError names the frame, key or file that is wrong."""
    file = path / _NAME if path.is_dir() else path
    data = read_record(file)
    frames = data.get("frames")
    if not isinstance(frames, list) or not frames or not all(isinstance(frame, dict) for frame in frames):
        raise UserError(f"{file}: no frames in it: it needs a list 'frames' with rgb_path and camtoworld")
    if str(data.get("camera_model") or "OPENCV").upper() not in _PINHOLES:
        raise UserError(
            f"{file}: camera_model {data['camera_model']} is not supported: undistort the pictures first"
        )
    where = [f"{file}: frame {frame.get('rgb_path', k)}" for k, frame in enumerate(frames)]
    paths = [_path(file, frame, "rgb_path") for frame in frames]
    found = [image if image is not None and image.is_file() else None for image in paths]
    kept, notes = without_missing(found, file, str(paths[0]))
    frames, where = [frames[k] for k in kept], [where[k] for k in kept]
    images = [image for image in found if image is not None]
    scale, turn, shift = _to_truth(file, data)
    poses = np.stack([_matrix(w, frame, "camtoworld", (4, 4)) for w, frame in zip(where, frames)])
    poses = checked_poses(poses, [f"{w}: camtoworld" for w in where])
    moved = poses.copy()
    moved[:, :3, :3] = turn @ poses[:, :3, :3]
    moved[:, :3, 3] = poses[:, :3, 3] @ (scale * turn).T + shift
    lenses = [_lens(w, _matrix(w, frame, "intrinsics", (4, 4), (3, 3))) for w, frame in zip(where, frames)]
    cameras = cameras_of_lenses(moved, lenses, [_size(file, data)] * len(images), images)
    files, lost = _sources(file, frames, images, scale)
    depth = any(files["sensor_depth"].paths)
    folder = file.parent
    return Scene(
        folder.name,
        path,
        cameras,
        files,
        ground_truth_file=true_surface(folder),
        box=_box(file, data, scale * turn, shift),
        # Only of a scale that was taken away before the depth was written is it known to be metres.
        unit="m" if depth and abs(scale - 1.0) > 1e-6 else "",
        notes=(*notes, *lost),
    )


def _sources(
    file: Path, frames: list[dict[str, Any]], images: list[Path], scale: float
) -> tuple[dict[str, FileList], list[str]]:
    """All that lies beside the pictures, and what is to be said of priors that do not."""
    named = {key: [_path(file, frame, key) for frame in frames] for key in (*_PRIORS, "sensor_depth_path")}
    notes = []
    for key in _PRIORS:
        # A converter names them before a network has made them.
        gone = [path for path in named[key] if path is not None and not path.is_file()]
        named[key] = [path if path is not None and path.is_file() else None for path in named[key]]
        if gone:
            notes.append(
                f"{gone[0].name}: no such file, nor are {len(gone) - 1} others that {file.name} names as "
                f"{key}"
            )
    masks = [_path(file, frame, "foreground_mask") for frame in frames]
    files = {
        "image": FileList(tuple(images), read_rgb),
        "prior_depth": FileList(tuple(named["mono_depth_path"]), read_prior_depth),
        "prior_normal": FileList(tuple(named["mono_normal_path"]), read_prior_normal),
        "sensor_depth": FileList(tuple(named["sensor_depth_path"]), read_depth(scale)),
    }
    outlines = masks_or_alpha(images, masks)
    if outlines is not None:
        files["mask"] = outlines
    ours = [_path(file, frame, "segment_path") for frame in frames]
    segments = FileList(tuple(ours), read_segment) if any(ours) else segments_beside(file.parent, images)
    if segments is not None:
        files["segment"] = segments
    return files, notes


def _path(file: Path, frame: dict[str, Any], key: str) -> Path | None:
    name = frame.get(key)
    if not isinstance(name, str) or not name:
        if key == "rgb_path":
            raise UserError(f"{file}: a frame has no rgb_path: name its picture")
        return None
    return file.parent / name.replace("\\", "/")


def _matrix(where: str, values: dict[str, Any], key: str, *shapes: tuple[int, int]) -> np.ndarray:
    """A matrix of one of some shapes under a key."""
    try:
        matrix = np.array(values[key], dtype=np.float64)
    except (KeyError, TypeError, ValueError) as reason:
        raise UserError(f"{where}: {key} is missing or not numbers: write a 4x4 matrix") from reason
    if matrix.shape not in shapes or not np.isfinite(matrix).all():
        raise UserError(f"{where}: {key} has shape {matrix.shape} or is not finite, expected a 4x4 matrix")
    return matrix


def _lens(where: str, matrix: np.ndarray) -> Lens:
    fx, fy, cx, cy = (float(matrix[k]) for k in ((0, 0), (1, 1), (0, 2), (1, 2)))
    if min(fx, fy) <= 0:
        raise UserError(f"{where}: the focal lengths of intrinsics are {fx:g} and {fy:g}: correct them")
    return Lens("PINHOLE", fx, fy, cx, cy)


def _size(file: Path, data: dict[str, Any]) -> tuple[int, int]:
    width, height = data.get("width"), data.get("height")
    if not all(isinstance(side, (int, float)) and side >= 1 for side in (width, height)):
        raise UserError(f"{file}: width and height are {width!r} and {height!r}: write those of the pictures")
    return int(width), int(height)  # type: ignore[arg-type]


def _to_truth(file: Path, data: dict[str, Any]) -> tuple[float, np.ndarray, np.ndarray]:
    """Scale, rotation [3,3] and shift [3] of worldtogt; nothing where the file has none."""
    if data.get("worldtogt") is None:
        return 1.0, np.eye(3), np.zeros(3)
    matrix = _matrix(str(file), data, "worldtogt", (4, 4))
    scale = float(np.cbrt(np.linalg.det(matrix[:3, :3])))
    turn = matrix[:3, :3] / scale if scale > 0 else np.zeros((3, 3))
    if np.abs(turn.T @ turn - np.eye(3)).max() > 1e-3:
        raise UserError(f"{file}: worldtogt is no rotation with one scale; mirrored or sheared? Correct it")
    return scale, turn, matrix[:3, 3]


def _box(file: Path, data: dict[str, Any], linear: np.ndarray, shift: np.ndarray) -> np.ndarray | None:
    """The box [2,3] around scene_box's in the scene's world; None where the file has none."""
    held = data.get("scene_box")
    if not isinstance(held, dict) or held.get("aabb") is None:
        return None
    box = _matrix(f"{file}: scene_box", held, "aabb", (2, 3))
    corners = np.array(np.meshgrid(*box.T, indexing="ij")).reshape(3, -1).T @ linear.T + shift
    return np.stack([corners.min(axis=0), corners.max(axis=0)])
