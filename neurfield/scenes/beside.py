"""Folders of maps that were made of a scene: where they lie, and how they name the scene and its frames.

Each holds an index (stereo.json, priors.json) with the path of its scene. Frames are named by the path of
their picture, so that a folder serves whatever the layout, and however many frames are there.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from neurfield.errors import UserError
from neurfield.scenes.replica import REPEATING_PRIORS
from neurfield.scenes.scene import Scene
from neurfield.wording import quoted

INDEXES = ("stereo.json", "priors.json")
_END = 1 << 16  # bytes at the end of a file, where edits of any kind show


def index_of(folder: Path, name: str, version: int) -> dict[str, Any] | None:
    """What an index holds; None if there is none, or none of this version that can be read."""
    try:
        index = json.loads((folder / name).read_text())
    except (OSError, ValueError):
        return None
    return index if isinstance(index, dict) and index.get("version") == version else None


def scene_beside(folder: Path, index: dict[str, Any] | None, name: str, verb: str) -> Path:
    """The scene whose maps a folder holds.

    Args:
        folder: of the maps.
        index: what `index_of` found there.
        name: of the index.
        verb: that writes such a folder.

    Raises:
        UserError: the index cannot be read, or its scene is gone.
    """
    if index is None or not isinstance(index.get("scene"), str):
        raise UserError(
            f"{folder / name}: not readable: run `neurfield scene {verb} SCENE --out {quoted(folder)}`"
        )
    path = (folder / index["scene"]).resolve()
    if not path.exists():
        raise UserError(f"{folder / name}: its scene {path} is gone: bring it back, or write its new place")
    return path


def path_from(folder: Path, scene: Path) -> str:
    """A scene's path as an index has it: relative where the folder lies in it, so that both may move."""
    home_ = scene if scene.is_dir() else scene.parent
    inside = home_.resolve() in folder.resolve().parents
    return os.path.relpath(scene.resolve(), folder.resolve()) if inside else str(scene.resolve())


def original(path: Path) -> Path:
    """The scene that a path leads to, by way of whatever folders of maps."""
    for name in INDEXES:
        if (path / name).is_file():
            try:
                index = json.loads((path / name).read_text())
                return original((path / index["scene"]).resolve())
            except (OSError, ValueError, TypeError, KeyError):
                return path
    return path


def home(path: Path) -> Path:
    """The folder that a scene's files are named from, whichever path the scene was read from."""
    path = original(path)
    return path.parent if path.is_file() or path.name == REPEATING_PRIORS else path


def folder_beside(path: Path, name: str) -> Path:
    """The folder of this name for maps of the scene of a path: beside its files."""
    path = original(path)
    return path.with_name(f"{name}-{path.stem}") if path.is_file() else home(path) / name


def picture_key(scene: Scene, i: int) -> str:
    """What an index calls frame i: the path of its picture, from the folder of the scene."""
    path = scene.files["image"].paths[i] if "image" in scene.files else None
    return f"frame {i}" if path is None else Path(os.path.relpath(path, home(scene.path))).as_posix()


def picture_print(scene: Scene, i: int) -> str:
    """A fingerprint of the files of frame i's picture and mask: their sizes and how they end."""
    digest = hashlib.sha256()
    for source in ("image", "mask"):
        path = scene.files[source].paths[i] if source in scene.files else None
        if path is None or not path.is_file():
            digest.update(b"none")
            continue
        size = path.stat().st_size
        with path.open("rb") as file:
            file.seek(max(0, size - _END))
            digest.update(f"{size} ".encode() + file.read())
    return digest.hexdigest()[:16]
