"""Maps that lie beside a scene's files, read back as they were matched."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from neurfield.scenes import Scene
from neurfield.scenes.images import read_levels
from neurfield.scenes.stereo_files import picture_key, read_index, stereo_folder
from neurfield.stereo.maps import StereoMaps
from neurfield.stereo.pictures import scene_pictures


def read_maps(scene: Scene) -> StereoMaps | None:
    """The stereo maps of a scene, with what was found of its pictures when they were matched.

    They are exact to the last digit of their files. None where the scene has none, or they cannot stand for
    what was matched: pictures differ in size, lenses are distorted, or a camera has changed since.

    Args:
        scene: all of it, as it was read.

    Raises:
        UserError: a file cannot be read.
    """
    folder = stereo_folder(scene.path)
    index = read_index(folder)
    if index is None or "stereo_depth" not in scene.sources:
        return None
    number = {picture_key(scene, i): i for i in range(len(scene))}
    frames = np.array([i for i, path in enumerate(scene.files["stereo_depth"].paths) if path is not None])
    if len(frames) < len(number.keys() & index["frames"].keys()):
        return None
    entries = [index["frames"][picture_key(scene, i)] for i in frames.tolist()]
    flags = [read_levels(folder / f"{entry['file']}_flags.png") for entry in entries]
    views = scene_pictures(scene, max(flags[0].shape))  # a large picture's maps are reduced
    if not views.same or {one.shape for one in flags} != {tuple(views.pictures.grey.shape[1:])}:
        return None
    maps = {
        name: torch.from_numpy(
            np.stack([np.asarray(scene.files[f"stereo_{name}"](i)) for i in frames.tolist()])
        )
        for name in ("depth", "normal", "confidence")
    }
    return StereoMaps(
        frames,
        maps["depth"],
        maps["normal"],
        maps["confidence"],
        torch.from_numpy(np.stack(flags).astype(np.uint8)),
        _sources(entries, number),
        views.with_gain(_gain(index, number)),
        left=float(index.get("left", 0.0)),
    )


def _sources(entries: list[dict[str, Any]], number: dict[str, int]) -> np.ndarray:
    """Frames that each was compared with, int64 [n, S], -1 = none."""
    listed = [[number[key] for key in entry.get("sources", ()) if key in number] for entry in entries]
    sources = np.full((len(entries), max(map(len, listed), default=0)), -1, dtype=np.int64)
    for row, of_frame in zip(sources, listed):
        row[: len(of_frame)] = of_frame
    return sources


def _gain(index: dict[str, Any], number: dict[str, int]) -> torch.Tensor | None:
    """By which greys of each frame can be compared, float32 [n]; None if exposure was steady."""
    gains = index.get("gain")
    if not isinstance(gains, dict):
        return None
    gain = torch.ones(len(number))
    for key, value in gains.items():
        if key in number:
            gain[number[key]] = float(value)
    return gain
