"""Poses that a fit refined, as a file: poses.json of a run, to be laid onto its scene.

    {"frames": [{"file_path": "images/000.png", "transform_matrix": [[...], ...], "turn_degrees": 0.5,
                 "shift": 0.01}, ...]}

The matrix is world_from_cam in OpenGL's camera axes, as in a transforms.json; file_path is the picture's,
from the scene's folder. Frames that were not fitted are not in it.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from neurfield.errors import UserError
from neurfield.files import atomic_write
from neurfield.scenes.cameras import Cameras, pose_trouble
from neurfield.scenes.layouts.rotations import OPENCV_FROM_OPENGL
from neurfield.scenes.scene import Scene


def write_poses(path: Path, scene: Scene, cameras: Cameras) -> None:
    """Write the poses of `cameras`, the frames of `scene` one by one, with how far they moved.

    Args:
        path: of the file.
        scene: as it was fitted.
        cameras: as they were refined.
    """
    frames = []
    for name, given, pose in zip(frame_names(scene), scene.cameras.world_from_cam, cameras.world_from_cam):
        cosine = (np.trace(pose[:3, :3] @ given[:3, :3].T) - 1.0) / 2.0
        frames.append(
            {
                "file_path": name,
                "transform_matrix": (pose @ OPENCV_FROM_OPENGL).tolist(),
                "turn_degrees": float(np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0)))),
                "shift": float(np.linalg.norm(pose[:3, 3] - given[:3, 3])),
            }
        )
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps({"frames": frames}, indent=1))


def with_poses(scene: Scene, path: Path) -> Scene:
    """The scene with the poses of a file that `write_poses` wrote; frames that are not in it keep theirs.

    Tracks of sparse points stay as they were seen.

    Raises:
        UserError: the file cannot be read, a pose in it is none, or no frame of the scene is in it.
    """
    try:
        frames = json.loads(path.read_text())["frames"]
        moved = {str(f["file_path"]): np.array(f["transform_matrix"], dtype=np.float64) for f in frames}
    except (OSError, ValueError, KeyError, TypeError) as reason:
        raise UserError(f"{path}: no poses.json of a run ({reason}): give RUN/poses.json") from reason
    poses = scene.cameras.world_from_cam.copy()
    names = frame_names(scene)
    found = [i for i, name in enumerate(names) if name in moved]
    if not found:
        raise UserError(f"{path}: it has no frame of {scene.path}: give the poses of a fit to this scene")
    for i in found:
        matrix = moved[names[i]]
        trouble = "is no 4x4 matrix" if matrix.shape != (4, 4) else pose_trouble(matrix)
        if trouble:
            raise UserError(f"{path}: the pose of {names[i]} {trouble}: refine the poses again")
        poses[i] = matrix @ OPENCV_FROM_OPENGL
    return scene.seen_by(replace(scene.cameras, world_from_cam=poses), scene.files, scene.tracks)


def frame_names(scene: Scene) -> list[str]:
    """What frames are called: their pictures' paths, from the scene's folder where they lie in it."""
    paths = scene.files["image"].paths if "image" in scene.files else (None,) * len(scene)
    folder = scene.path if scene.path.is_dir() else scene.path.parent

    def name(i: int, path: Path | None) -> str:
        if path is None:
            return str(i)
        return (path.relative_to(folder) if path.is_relative_to(folder) else path).as_posix()

    return [name(i, path) for i, path in enumerate(paths)]
