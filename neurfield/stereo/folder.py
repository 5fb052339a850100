"""Stereo maps as files that the readers of scenes find (`neurfield.scenes.stereo_files`)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from neurfield.errors import UserError
from neurfield.files import atomic_write
from neurfield.scenes import Scene
from neurfield.scenes.beside import path_from, picture_key, picture_print
from neurfield.scenes.stereo_files import INDEX, VERSION, camera_print, read_index
from neurfield.stereo.maps import FrameMaps, StereoMaps

_LEVELS = 65535


def prepare_folder(folder: Path) -> None:
    """Make the folder, and see that it can be written to before anything is computed.

    Raises:
        UserError: it cannot.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with atomic_write(folder / ".writable") as temporary:
            temporary.touch()
        (folder / ".writable").unlink()
    except OSError as reason:
        raise UserError(
            f"{folder}: {reason.strerror or reason}: give a folder that can be written with --out FOLDER"
        ) from reason


def is_done(folder: Path, fingerprint: str) -> bool:
    """Whether a folder holds the maps of this fingerprint, complete."""
    index = read_index(folder)
    return index is not None and index.get("fingerprint") == fingerprint


def write_maps(
    maps: StereoMaps, scene: Scene, folder: Path, fingerprint: str, numbers: dict[str, Any] | None = None
) -> None:
    """Write all maps, and then the index, without which no reader looks at them.

    Args:
        maps: of the scene.
        scene: that was matched, at its own path.
        folder: for the files.
        fingerprint: of what was matched.
        numbers: kept in the index.
    """
    (folder / INDEX).unlink(missing_ok=True)  # what it says is true no more
    nearest = float(maps.depth[maps.depth > 0].min()) if bool((maps.depth > 0).any()) else 1.0
    unit = 1.0 / (0.97 * nearest) / _LEVELS  # a pixel's own ray may meet its plane a little nearer
    frames = {}
    for k, i in enumerate(maps.frames.tolist()):
        name = f"{i:06d}"
        write_frame(maps.frame(k), folder, name, unit)
        frames[picture_key(scene, i)] = {
            "file": name, "camera": camera_print(scene.cameras, i), "picture": picture_print(scene, i),
            "sources": [picture_key(scene, j) for j in maps.sources[k].tolist() if j >= 0],
        }  # fmt: skip
    index = {
        "version": VERSION,
        "scene": path_from(folder, scene.path),
        "unit": unit,
        "fingerprint": fingerprint,
        "numbers": numbers or {},
        "left": maps.left,
        "gain": None
        if maps.gain is None
        else {picture_key(scene, i): g for i, g in enumerate(maps.gain.tolist())},
        "frames": frames,
    }
    with atomic_write(folder / INDEX) as temporary:
        temporary.write_text(json.dumps(index, indent=1) + "\n")


def write_frame(maps: FrameMaps, folder: Path, name: str, unit: float) -> None:
    """Write the files of one frame.

    Args:
        maps: of the frame.
        folder: for the files.
        name: how theirs begin.
        unit: of inverse depth.
    """
    valid = maps.depth > 0
    inverse = np.divide(1.0, maps.depth, out=np.zeros_like(maps.depth), where=valid)
    levels = np.where(valid, np.rint(inverse / unit).clip(1, _LEVELS), 0)
    packed = np.where(valid[..., None], np.rint(127.5 * (maps.normal + 1.0)), 0.0)
    for suffix, array in (
        ("disparity", levels.astype(np.uint16)),
        ("normal", packed.clip(0, 255).astype(np.uint8)),
        ("confidence", np.rint(255.0 * maps.confidence.clip(0, 1)).astype(np.uint8)),
        ("flags", maps.flags),
    ):
        with atomic_write(folder / f"{name}_{suffix}.png") as temporary:
            # Noise of 16 bits is hardly smaller for more work.
            Image.fromarray(array).save(temporary, compress_level=1)
