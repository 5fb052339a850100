"""Reader of Replica as rendered for iMAP and NICE-SLAM, the layout that the built-in rooms share.

    room0/traj.txt                   one line a frame: world_from_cam row by row, OpenCV axes, metres
    room0/results/frame000000.jpg    colour
    room0/results/depth000000.png    exact depth, uint16: metres * scale
    cam_params.json                  {"camera": {w, h, fx, fy, cx, cy, scale}}, in the folder or beside it
    room0_mesh.ply                   ground truth, beside the folder; or mesh.ply in it

and, where present:

    sensor_depth/depth000000.png     measured depth, with the same scale
    priors/000000_depth.npy          monocular depth, as MonoSDF writes it
    priors/000000_normal.npy         monocular normals, likewise
    segments/000000.png              instance ids

Built-in rooms have a second set of priors in priors_repeating/: that folder's path stands for its room with
these priors.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np

from neurfield.errors import UserError
from neurfield.scenes.cameras import Cameras, pose_trouble
from neurfield.scenes.images import (
    FileList,
    Read,
    read_depth,
    read_prior_depth,
    read_prior_normal,
    read_rgb,
    read_segment,
)
from neurfield.scenes.scene import Scene

LOOKS_FOR = "Replica (traj.txt, results/frame000000.jpg, cam_params.json)"
REPEATING_PRIORS = "priors_repeating"
_PARAMETERS = "cam_params.json"
_OWN = {"w": 1200.0, "h": 680.0, "fx": 600.0, "fy": 600.0, "cx": 599.5, "cy": 339.5}  # of its renderings
_POSITIVE = ("w", "h", "fx", "fy", "scale")
_FRAME = re.compile(r"frame(\d+)\.(jpg|jpeg|png)$", re.IGNORECASE)


def recognises(path: Path) -> bool:
    """Whether a path is a folder in this layout, however incomplete."""
    room = _room_of(path)
    return path.is_dir() and (room / "traj.txt").is_file() and (room / "results").is_dir()


def _room_of(path: Path) -> Path:
    """The room's folder, of itself or of its second set of priors."""
    return path.parent if path.name == REPEATING_PRIORS else path


def read(path: Path) -> Scene:
    """The scene of a folder in Replica's layout; UserError names the file that is missing or wrong."""
    given, path = path, _room_of(path)
    priors = given if given != path else path / "priors"
    camera = _read_camera(path)
    poses = _read_trajectory(path / "traj.txt")
    frames = _numbered_frames(path / "results", len(poses))
    numbers = sorted(frames)
    cameras = _cameras(camera, poses[numbers])
    depth = read_depth(1.0 / camera["scale"])
    files = {
        "image": FileList(tuple(frames[k] for k in numbers), read_rgb),
        "depth": _beside(path / "results", "depth{:06d}.png", numbers, depth),
        "sensor_depth": _beside(path / "sensor_depth", "depth{:06d}.png", numbers, depth),
        "prior_depth": _beside(priors, "{:06d}_depth.npy", numbers, read_prior_depth),
        "prior_normal": _beside(priors, "{:06d}_normal.npy", numbers, read_prior_normal),
        "segment": _beside(path / "segments", "{:06d}.png", numbers, read_segment),
    }
    name = path.name if given == path else f"{path.name}-repeating"
    return Scene(name, given, cameras, files, ground_truth_file=true_surface(path), unit="m")


def true_surface(path: Path) -> Path | None:
    """The true mesh of a room's folder, in it or beside it."""
    room = _room_of(path)
    meshes = (room / "mesh.ply", room.parent / f"{room.name}_mesh.ply")
    return next((mesh for mesh in meshes if mesh.is_file()), None)


def trajectory_cameras(path: Path) -> Cameras:
    """The cameras of all poses of a room's traj.txt, whether their pictures are there or not.

    MonoSDF's folders hold a traj.txt without cam_params.json: they are of Replica's own camera.

    Raises:
        UserError: traj.txt is missing, or one of the two is wrong.
    """
    room = _room_of(path)
    file = room / "traj.txt"
    if not file.is_file():
        raise UserError(f"{file}: no such file, which has the poses of all frames: give a room of Replica")
    given = any((place / _PARAMETERS).is_file() for place in (room, room.parent))
    return _cameras(_read_camera(room) if given else _OWN, _read_trajectory(file))


def _cameras(camera: dict[str, float], poses: np.ndarray) -> Cameras:
    # Replica puts the centre of the first pixel at (0, 0): its cx is 599.5 for a width of 1200. Ours is
    # at (0.5, 0.5).
    n = len(poses)
    return Cameras(
        world_from_cam=poses,
        fx=np.full(n, camera["fx"]),
        fy=np.full(n, camera["fy"]),
        cx=np.full(n, camera["cx"] + 0.5),
        cy=np.full(n, camera["cy"] + 0.5),
        width=np.full(n, int(camera["w"])),
        height=np.full(n, int(camera["h"])),
    )


def _read_camera(folder: Path) -> dict[str, float]:
    places = (folder / _PARAMETERS, folder.parent / _PARAMETERS)
    path = next((place for place in places if place.is_file()), None)
    if path is None:
        raise UserError(
            f"{folder}: cam_params.json is neither in it nor beside it: copy it from the data set"
        )
    try:
        camera = json.loads(path.read_text())["camera"]
        values = {key: float(camera[key]) for key in ("w", "h", "fx", "fy", "cx", "cy", "scale")}
    except (ValueError, KeyError, TypeError) as reason:
        content = '{"camera": {"w", "h", "fx", "fy", "cx", "cy", "scale"}}'
        raise UserError(f"{path}: {type(reason).__name__} {reason}: write {content}") from reason
    if not np.isfinite(list(values.values())).all() or min(values[k] for k in _POSITIVE) <= 0:
        raise UserError(f"{path}: w, h, fx, fy and scale must be positive numbers: copy the file again")
    return values


def _read_trajectory(path: Path) -> np.ndarray:
    """Poses [n,4,4] of traj.txt; UserError names the line that is not a rigid pose."""
    poses = []
    for number, line in enumerate(path.read_text(errors="replace").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            pose = np.array([float(v) for v in line.split()])
        except ValueError as reason:
            raise UserError(
                f"{path}:{number}: {reason}: write 16 numbers a line, one line a frame"
            ) from reason
        if len(pose) != 16:
            raise UserError(
                f"{path}:{number}: {len(pose)} numbers, expected 16: write world_from_cam row by row"
            )
        trouble = pose_trouble(pose.reshape(4, 4))
        if trouble:
            raise UserError(f"{path}:{number}: the pose {trouble}: correct this line")
        poses.append(pose.reshape(4, 4))
    if not poses:
        raise UserError(f"{path}: no poses in it: write 16 numbers a line, one line a frame")
    return np.stack(poses)


def _numbered_frames(folder: Path, n_poses: int) -> dict[int, Path]:
    """Frame number -> image.

    All frames of the trajectory are there, or every k-th; any other gap is a lost file, and a UserError.
    """
    frames: dict[int, Path] = {}
    for path in folder.iterdir() if folder.is_dir() else ():
        match = _FRAME.match(path.name)
        if match:
            frames[int(match.group(1))] = path
    if not frames:
        raise UserError(f"{folder}: no frames in it: looked for frame000000.jpg and so on")
    numbers = sorted(frames)
    stride = int(np.diff(numbers).min()) if len(numbers) > 1 else 1
    posed = range(numbers[0] % stride, n_poses, stride)
    lost = sorted(set(posed) - set(numbers))
    if lost:
        more = f" and {len(lost) - 1} more" if len(lost) > 1 else ""
        raise UserError(
            f"{folder}/frame{lost[0]:06d}.jpg{more} missing, though traj.txt has {n_poses} poses: "
            "copy the images again, or keep every k-th frame"
        )
    extra = sorted(set(numbers) - set(posed))
    if extra:
        raise UserError(
            f"{frames[extra[0]]}: traj.txt has {n_poses} poses and none for this frame: copy traj.txt again"
        )
    return frames


def _beside(folder: Path, pattern: str, numbers: list[int], read: Read) -> FileList:
    """One file a frame in an optional folder; frames without one have None."""
    present = {entry.name for entry in folder.iterdir()} if folder.is_dir() else set()
    names = [pattern.format(number) for number in numbers]
    return FileList(tuple(folder / name if name in present else None for name in names), read)
