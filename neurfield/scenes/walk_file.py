"""Walks as nerfstudio keeps them: camera_path.json, which its viewer and its Blender add-on write and read.

    {"camera_type": "perspective", "render_width": 960, "render_height": 720, "fps": 30, "seconds": 8.0,
     "is_cycle": false, "smoothness_value": 0.0, "default_fov": 50.0, "default_transition_sec": 2.0,
     "keyframes": [{"matrix": [16], "fov": 50.0, "aspect": 1.333, "seconds": 0.0, ...}, ...],
     "camera_path": [{"camera_to_world": [16], "fov": 50.0, "aspect": 1.333}, ...]}

Matrices are world_from_cam by rows in OpenGL's camera axes, fields of view vertical in degrees. `camera_path`
has every picture, and is what nerfstudio renders; `keyframes` is what its viewer loads. The times of keys
(`seconds`) are ours: with them a file is the walk that was written; without, its keys are the pictures, and
those come out as they are. The format: nerfstudio, nerfstudio/viewer/render_panel.py and
nerfstudio/cameras/camera_paths.py (`get_path_from_json`).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from neurfield.errors import UserError
from neurfield.files import atomic_write
from neurfield.scenes.cameras import pose_trouble
from neurfield.scenes.layouts.rotations import OPENCV_FROM_OPENGL
from neurfield.scenes.walks import WIDEST, Walk


def write_walk(path: str | Path, walk: Walk) -> None:
    """Write a walk, its keys and every picture of it, as a camera_path.json."""
    width, height = walk.size
    aspect = width / height
    keys = [
        {
            "matrix": _opengl(pose),
            "fov": float(fov),
            "aspect": aspect,
            "seconds": float(seconds),
            "override_transition_enabled": True,
            "override_transition_sec": float(following - seconds),
        }
        for pose, fov, seconds, following in zip(
            walk.world_from_cam, walk.fov, walk.seconds, [*walk.seconds[1:], walk.duration]
        )
    ]
    poses, fovs = walk.at(walk.times())
    data = {
        "camera_type": "perspective", "render_width": width, "render_height": height, "fps": walk.fps,
        "seconds": walk.duration, "is_cycle": walk.closed, "smoothness_value": 0.0,
        "default_fov": float(walk.fov[0]),
        "default_transition_sec": walk.duration / max(1, len(walk.seconds) - 1),
        "keyframes": keys,
        "camera_path": [
            {"camera_to_world": _opengl(pose), "fov": float(fov), "aspect": aspect}
            for pose, fov in zip(poses, fovs)
        ],
    }  # fmt: skip
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps(data))


def read_walk(path: str | Path) -> Walk:
    """The walk of a camera_path.json.

    Raises:
        UserError: it is not there or not one, has no picture, or is for other cameras than pinholes; or a
            number in it is none, and which.
    """
    path = Path(path)
    data = _load(path)
    kind = str(data.get("camera_type", "perspective")).lower()
    if kind != "perspective":
        raise UserError(f"{path}: a walk of {kind} cameras: write it again with perspective ones")
    size = (_whole(path, data, "render_width"), _whole(path, data, "render_height"))
    fps = _number(path, data.get("fps", 30.0), "fps")
    if fps <= 0.0:
        raise UserError(f"{path}: fps is {fps}: write a positive number")
    closed, keys = bool(data.get("is_cycle", False)), data.get("keyframes")
    if isinstance(keys, list) and keys and all(isinstance(k, dict) and "seconds" in k for k in keys):
        times = [_number(path, key["seconds"], f"seconds of keyframe {i}") for i, key in enumerate(keys)]
        if closed:
            times.append(_number(path, data.get("seconds"), "seconds"))
        poses, fov = _read(path, keys, "keyframe", "matrix")
    else:
        keys, closed = data.get("camera_path"), False  # each is there: nothing lies between last and first
        if not isinstance(keys, list) or not keys:
            raise UserError(f"{path}: camera_path is empty: record at least one view and write it again")
        poses, fov = _read(path, keys, "frame", "camera_to_world")
        # The times of Walk.times, so that each picture comes out at its own pose.
        count = len(keys)
        times = (np.arange(count) * (count / fps) / max(1, count - 1)).tolist()
    try:
        return Walk(poses, fov, np.array(times), closed, size, fps)
    except UserError as reason:
        raise UserError(f"{path}: {reason}") from reason


def _load(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_text())
    except OSError as reason:
        raise UserError(f"{path}: cannot be read ({reason.strerror}): give a camera_path.json") from reason
    except ValueError as reason:
        raise UserError(f"{path}: not readable JSON ({reason}): record the walk again") from reason
    if not isinstance(data, dict) or "camera_path" not in data:
        raise UserError(f"{path}: no camera_path.json (it has no 'camera_path'): give one of nerfstudio's")
    return data


def _read(path: Path, keys: list[Any], word: str, matrix: str) -> tuple[np.ndarray, np.ndarray]:
    """Poses [k,4,4] in OpenCV's axes and fields of view [k]."""
    poses, fovs = [], []
    for i, key in enumerate(keys):
        where = f"{word} {i}"
        if not isinstance(key, dict) or matrix not in key or "fov" not in key:
            raise UserError(f"{path}: {where} has no {matrix} or no fov: record the walk again")
        try:
            pose = np.array(key[matrix], dtype=np.float64).reshape(4, 4)
        except (TypeError, ValueError):
            raise UserError(f"{path}: {matrix} of {where} is no 4x4 matrix: record it again") from None
        trouble = pose_trouble(pose)
        if trouble:
            raise UserError(f"{path}: {matrix} of {where} {trouble}: record it again")
        fov = _number(path, key["fov"], f"fov of {where}")
        if not 0.0 < fov <= WIDEST:
            raise UserError(
                f"{path}: fov of {where} is {fov}: write more than 0, at most {WIDEST:.0f} degrees"
            )
        poses.append(pose @ OPENCV_FROM_OPENGL)
        fovs.append(fov)
    return np.array(poses), np.array(fovs)


def _number(path: Path, value: Any, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not np.isfinite(value):
        raise UserError(f"{path}: {name} is {value!r}: write a number")
    return float(value)


def _whole(path: Path, data: dict[str, Any], name: str) -> int:
    value = _number(path, data.get(name), name)
    if value < 1 or value != round(value):
        raise UserError(f"{path}: {name} is {value:g}: write whole pixels, 1 at least")
    return int(value)


def _opengl(world_from_cam: np.ndarray) -> list[float]:
    return [float(x) for x in (world_from_cam @ OPENCV_FROM_OPENGL).reshape(-1)]
