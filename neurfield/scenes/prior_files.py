"""Where `neurfield scene priors` leaves what networks guess, and how a scene finds it, whatever its format.

    priors/priors.json                which networks made them, with which conventions, when; their frames
    priors/000000_depth.npy           float16 [H,W]: relative depth as 0.05 to 1, metric depth in metres
    priors/000000_normal.npy          float16 [3,H,W]: (n + 1) / 2, OpenCV camera axes, towards the camera

The files are as MonoSDF writes them. The index names frames by the path of their picture: what was made of a
picture or lens that has changed since is left alone, and `scene check` says so. Poses may change.
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
from neurfield.scenes.images import FileList, Read, read_prior_depth, read_prior_normal
from neurfield.scenes.scene import Scene

INDEX, VERSION = "priors.json", 1
SUFFIXES = {"prior_depth": "depth", "prior_normal": "normal"}
_READERS: dict[str, Read] = {"prior_depth": read_prior_depth, "prior_normal": read_prior_normal}


def priors_folder(path: Path) -> Path:
    """The folder for the priors of the scene of a path: beside its files; a folder of priors is its own."""
    return path if recognises(path) else folder_beside(path, "priors")


def recognises(path: Path) -> bool:
    """Whether a path is a folder of priors that has an index."""
    return (path / INDEX).is_file()


def read_index(folder: Path, name: str = INDEX) -> dict[str, Any] | None:
    """What priors.json holds; None if there is none, or none of this version that can be read."""
    index = index_of(folder, name, VERSION)
    sources = None if index is None else index.get("sources")
    if index is None or not isinstance(sources, dict):
        return None
    whole = all(
        source in SUFFIXES and isinstance(entry, dict) and isinstance(entry.get("frames"), dict)
        and isinstance(entry.get("made_by"), dict)
        for source, entry in sources.items()
    )  # fmt: skip
    return index if whole else None


def scene_of(folder: Path) -> Path:
    """The scene whose priors a folder holds.

    Raises:
        UserError: the folder's index cannot be read, or its scene is gone.
    """
    return scene_beside(folder, read_index(folder), INDEX, "priors")


def with_priors(scene: Scene, folder: Path | None = None) -> Scene:
    """The scene with the priors of a folder (not given: beside its files) in place of others it may have."""
    folder = priors_folder(scene.path) if folder is None else folder
    index = read_index(folder)
    if index is None:
        return scene
    files = {}
    for source, entry in index["sources"].items():
        names = current(scene, entry["frames"])
        suffix = SUFFIXES[source]
        paths = tuple(folder / f"{name}_{suffix}.npy" if name else None for name in names)
        files[source] = FileList(paths, _READERS[source], made_by=in_words(entry["made_by"]))
    return scene.with_files(files)


def current(scene: Scene, entries: dict[str, Any]) -> list[str | None]:
    """How the names of each frame's files begin; None without priors, or with those of another picture."""
    names: list[str | None] = []
    for i in range(len(scene)):
        entry = entries.get(picture_key(scene, i))
        if not isinstance(entry, dict) or entry.get("lens") != lens_print(scene.cameras, i):
            names.append(None)
        else:
            names.append(str(entry["file"]) if entry.get("picture") == picture_print(scene, i) else None)
    return names


def lens_print(cameras: Cameras, i: int) -> str:
    """A fingerprint of the lens of camera i and the size of its pictures."""
    lens = [cameras.fx[i], cameras.fy[i], cameras.cx[i], cameras.cy[i], cameras.width[i], cameras.height[i]]
    bent = np.zeros(5) if cameras.distortion is None else cameras.distortion[i]
    return hashlib.sha256((np.concatenate([lens, bent]) + 0.0).tobytes()).hexdigest()[:16]


def in_words(made_by: dict[str, Any]) -> str:
    """What made priors, for people: the network's file, the beginning of its digest, conventions, date."""
    network = f"{made_by.get('network')} (sha256 {str(made_by.get('sha256'))[:12]})"
    held = f", held to {made_by['held_to']}" if made_by.get("held_to") else ""
    when = f"{made_by.get('date')}, neurfield {made_by.get('neurfield')}"
    return f"{network} as {made_by.get('profile')}{held}, {when}"


def prior_file_findings(scene: Scene) -> Iterator[Finding]:
    """What is wrong with the folder of priors beside a scene, which it is then without."""
    folder = priors_folder(scene.path)
    if not recognises(folder):
        return
    index = read_index(folder)
    if index is None:
        todo = "make them again (neurfield scene priors), or remove the folder"
        yield Finding("warn", f"{INDEX} cannot be read, so these priors are left out", str(folder), todo)
        return
    for source, entry in index["sources"].items():
        made = sum(picture_key(scene, i) in entry["frames"] for i in range(len(scene)))
        stale = made - sum(name is not None for name in current(scene, entry["frames"]))
        if stale:
            what = f"{stale} of {made} {source} belong to other pictures or lenses than now: left out"
            todo = "call `neurfield scene priors` again, which makes these alone"
            yield Finding("warn", what, str(folder), todo)
