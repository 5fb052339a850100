"""What stereo maps depend on, as one short word: unfinished work under another word is not gone on with."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path

import numpy as np

from neurfield.scenes import Scene
from neurfield.scenes.stereo_files import camera_print
from neurfield.stereo.ranges import searched_by
from neurfield.stereo.settings import StereoSettings

VERSION = 6  # of what the stages do


def fingerprint(scene: Scene, settings: StereoSettings, points: np.ndarray | None = None) -> str:
    """Of pictures, masks, sensor depth (by their bytes), cameras, points and box, and settings."""
    points = searched_by(scene) if points is None else points
    digest = hashlib.sha256(json.dumps([VERSION, dataclasses.asdict(settings)]).encode())
    for i in range(len(scene)):
        digest.update(camera_print(scene.cameras, i).encode())
        for source in ("image", "mask", "sensor_depth"):
            path = scene.files[source].paths[i] if source in scene.files else None
            digest.update(b"none" if path is None else _content(path))
    for given in (points, scene.box_by_hand):
        values = b"none" if given is None else np.ascontiguousarray(given, dtype=np.float64).tobytes()
        digest.update(values)
    return digest.hexdigest()[:16]


def _content(path: Path) -> bytes:
    """A digest of a file's bytes; of its name where it is none (a scene made in memory)."""
    if not path.is_file():
        return str(path).encode()
    return hashlib.sha256(path.read_bytes()).digest()
