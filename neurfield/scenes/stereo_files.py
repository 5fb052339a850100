"""Where dense stereo leaves its maps, and how a scene finds them again, whatever format it is in.

    stereo/stereo.json                what was matched, with which settings; the unit of inverse depth
    stereo/000000_disparity.png       uint16: 1 / z-depth in units of stereo.json, 0 = nothing known
    stereo/000000_normal.png          8 bits: 127.5 (n + 1), camera axes, black = nothing known
    stereo/000000_confidence.png      8 bits: 255 = as sure as stereo gets
    stereo/000000_flags.png           8 bits: see `neurfield.stereo.maps.Flag`

Errors of stereo are even in inverse depth, so 16 bits of it are exact enough from the nearest to the farthest
pixel. The index names frames by the path of their picture and by their camera: maps of a frame whose camera
has changed since are left alone, and `scene check` says so.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from neurfield.scenes.beside import folder_beside, index_of, picture_key, picture_print, scene_beside
from neurfield.scenes.cameras import Cameras
from neurfield.scenes.finding import Finding
from neurfield.scenes.images import FileList, Read, read_levels
from neurfield.scenes.scene import Scene
from neurfield.wording import quoted

INDEX = "stereo.json"
VERSION = 1
STEREO_SOURCES = ("stereo_depth", "stereo_normal", "stereo_confidence")
SUFFIXES = dict(zip(STEREO_SOURCES, ("disparity", "normal", "confidence")))


def stereo_folder(path: Path) -> Path:
    """The folder for the maps of the scene of a path: beside its files; a folder of maps is its own."""
    return path if recognises(path) else folder_beside(path, "stereo")


def recognises(path: Path) -> bool:
    """Whether a path is a folder of stereo maps."""
    return (path / INDEX).is_file()


def read_index(folder: Path) -> dict[str, Any] | None:
    """What stereo.json holds; None if there is none, or none of this version that can be read."""
    index = index_of(folder, INDEX, VERSION)
    return index if index is not None and isinstance(index.get("frames"), dict) else None


def scene_of(folder: Path) -> Path:
    """The scene whose maps a folder holds.

    Raises:
        UserError: the folder's index cannot be read, or its scene is gone.
    """
    return scene_beside(folder, read_index(folder), INDEX, "stereo")


def with_stereo(scene: Scene, folder: Path | None = None) -> Scene:
    """The scene with the stereo maps of a folder (not given: the one beside its files), where it has any."""
    folder = stereo_folder(scene.path) if folder is None else folder
    index = read_index(folder)
    if index is None:
        return scene
    names = _current(scene, index)
    if not any(names):
        return scene
    files = {}
    for source, suffix in SUFFIXES.items():
        paths = tuple(folder / f"{name}_{suffix}.png" if name else None for name in names)
        files[source] = FileList(paths, _READERS[source](index))
    return scene.with_files(files)


def stereo_findings(scene: Scene) -> Iterator[Finding]:
    """What is wrong with the stereo maps of a scene, which the scene is then without."""
    folder = stereo_folder(scene.path)
    if not recognises(folder):
        return
    todo = f"run `neurfield scene stereo {quoted(scene.path)}` again, or remove the folder"
    index = read_index(folder)
    if index is None:
        yield Finding("warn", f"{INDEX} cannot be read, so these maps are left out", str(folder), todo)
        return
    matched = sum(picture_key(scene, i) in index["frames"] for i in range(len(scene)))
    stale = matched - sum(name is not None for name in _current(scene, index))
    if stale:
        what = f"{stale} of {matched} maps belong to other cameras or pictures than frames have now: left out"
        yield Finding("warn", what, str(folder), todo)


def camera_print(cameras: Cameras, i: int) -> str:
    """A fingerprint of the pose and lens of camera i."""
    lens = [cameras.fx[i], cameras.fy[i], cameras.cx[i], cameras.cy[i], cameras.width[i], cameras.height[i]]
    bent = np.zeros(5) if cameras.distortion is None else cameras.distortion[i]
    numbers = np.concatenate([cameras.world_from_cam[i].ravel(), lens, bent]) + 0.0  # no -0
    return hashlib.sha256(np.ascontiguousarray(numbers).tobytes()).hexdigest()[:16]


def _current(scene: Scene, index: dict[str, Any]) -> list[str | None]:
    """How the names of each frame's files begin; None without maps, or with those of another camera."""
    names: list[str | None] = []
    for i in range(len(scene)):
        entry = index["frames"].get(picture_key(scene, i))
        same = isinstance(entry, dict) and entry.get("camera") == camera_print(scene.cameras, i)
        same = same and entry.get("picture") in (None, picture_print(scene, i))  # None: of an older version
        names.append(str(entry["file"]) if same else None)
    return names


def _depth_reader(index: dict[str, Any]) -> Read:
    unit = np.float32(index["unit"])

    def read(path: Path) -> np.ndarray:
        levels = read_levels(path)
        inverse = levels.astype(np.float32) * unit
        return np.divide(1.0, inverse, out=np.zeros_like(inverse), where=levels > 0)

    return read


def _normal_reader(index: dict[str, Any]) -> Read:
    def read(path: Path) -> np.ndarray:
        levels = read_levels(path)
        normal = levels.astype(np.float32) / 127.5 - 1.0
        normal /= np.maximum(np.linalg.norm(normal, axis=2, keepdims=True), 1e-6)
        return np.where(levels.any(axis=2, keepdims=True), normal, np.float32(0.0))

    return read


def _confidence_reader(index: dict[str, Any]) -> Read:
    return lambda path: read_levels(path).astype(np.float32) / np.float32(255.0)


_READERS = {
    "stereo_depth": _depth_reader,
    "stereo_normal": _normal_reader,
    "stereo_confidence": _confidence_reader,
}
