"""The folder of a rendering: which settings its pictures were made with, and which of them are there.

render.json says what the pictures are of and how they are to be read. Every file is written whole or not at
all, so what is there is finished, and the same settings go on where they stopped.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from neurfield.errors import UserError
from neurfield.files import atomic_write
from neurfield.fitting.checkpoint import latest_checkpoint
from neurfield.scenes import Cameras

RECORD = "render.json"
_OWN = {"checkpoint": "the fit", "walk": "the cameras", "tracer": "the tracer", "size": "the size"}
_PNG_SHARE = 0.7  # of a picture's bytes that its PNG takes, at most as a rule
_BYTES = {"depth": 5.0, "error": 3.0}  # a pixel, where it is not 3


class RenderFolder:
    """A folder of pictures, begun or gone on with.

    Args:
        path: of the folder.
        settings: those that tell whether pictures are the same, each a plain value.

    Raises:
        UserError: a file stands there, or pictures of other settings, or other things.
    """

    def __init__(self, path: Path, settings: dict[str, Any]) -> None:
        self.path, self.settings = path, settings
        if path.exists() and not path.is_dir():
            raise UserError(
                f"--out {path}: a file stands there: give a folder, or a film's name (.mp4, .webm, .gif)"
            )
        self.record = self._read()
        others = path.is_dir() and any(entry for entry in path.iterdir() if not entry.name.startswith("."))
        if others and self.record is None:
            raise UserError(f"{path}: not empty, and no rendering: give another folder with --out")
        if self.record is not None:
            before = self.record["settings"]
            changed = [words for key, words in _OWN.items() if before.get(key) != settings[key]]
            if changed:
                raise UserError(
                    f"{path}: holds pictures of another rendering ({', '.join(changed)} changed): give "
                    "another place with --out, or delete that folder"
                )

    def _read(self) -> dict[str, Any] | None:
        try:
            record = json.loads((self.path / RECORD).read_text())
            return record if isinstance(record["settings"], dict) else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def begin(self, about: dict[str, Any]) -> None:
        """Write render.json: the settings, and what is to be known of the pictures."""
        self.record = {"made_by": "neurfield render", "settings": self.settings, **about}
        with atomic_write(self.path / RECORD) as temporary:
            temporary.write_text(json.dumps(self.record, indent=1))

    def file(self, kind: str, number: int) -> Path:
        """Where a picture is."""
        return self.path / kind / f"{number:06d}.png"

    def lacks(self, kinds: list[str], number: int) -> bool:
        """Whether one of a frame's pictures is not there."""
        return not all(self.file(kind, number).is_file() for kind in kinds)

    def write(self, kind: str, number: int, picture: np.ndarray) -> None:
        """Write a picture [h,w] (uint16) or [h,w,3] (uint8)."""
        with atomic_write(self.file(kind, number)) as temporary:
            Image.fromarray(picture).save(temporary, compress_level=4)

    @property
    def glimpse(self) -> Path:
        """Where the picture that is being made is to be seen."""
        return self.path / "unfinished.png"

    def write_glimpse(self, picture: np.ndarray, samples: int) -> None:
        """Show a picture that is not finished, uint8 [h,w,3], with its samples a pixel in its file."""
        about = PngInfo()
        about.add_text("Samples", str(samples))
        with atomic_write(self.glimpse) as temporary:
            Image.fromarray(picture).save(temporary, compress_level=1, pnginfo=about)

    def read(self, kind: str, number: int) -> np.ndarray:
        """A picture that was written, uint8 [h,w,3].

        Raises:
            UserError: it cannot be read.
        """
        path = self.file(kind, number)
        try:
            with Image.open(path) as picture:
                return np.asarray(picture.convert("RGB"))
        except OSError as reason:
            raise UserError(f"{path}: cannot be read ({reason}): delete it and render again") from reason

    def errors(self) -> dict[str, Any]:
        """What errors.json holds of each frame so far."""
        try:
            return dict(json.loads((self.path / "errors.json").read_text())["frames"])
        except (OSError, ValueError, KeyError, TypeError):
            return {}

    def write_errors(self, frames: dict[str, Any]) -> float:
        """Write errors.json, and return the mean PSNR over its frames (NaN: there are none)."""
        finite = [f["psnr"] for f in frames.values() if f["psnr"] is not None]
        mean = float(np.mean(finite)) if finite else float("nan")
        about = {"psnr": mean if finite else None, "unit": "dB, mean over frames", "frames": frames}
        with atomic_write(self.path / "errors.json") as temporary:
            temporary.write_text(json.dumps(about, indent=1))
        return mean


def check_space(path: Path, pixels: float, kinds: list[str]) -> None:
    """See that so many pixels of pictures have room.

    Raises:
        UserError: they have not, and how much they need.
    """
    needed = _PNG_SHARE * pixels * sum(_BYTES.get(kind, 3.0) for kind in kinds)
    there = path
    while not there.exists():
        there = there.parent
    free = shutil.disk_usage(there).free
    if needed > free:
        raise UserError(
            f"{path}: {needed / 1e9:.1f} GB of pictures, {free / 1e9:.1f} GB are free: give a smaller "
            "--size, fewer --seconds or another place with --out"
        )


def settings_of(run: Path, cameras: Cameras, tracer: str, size: tuple[int, int]) -> dict[str, Any]:
    """What tells whether two renderings are the same."""
    newest = latest_checkpoint(run / "checkpoints")
    lens = np.stack([cameras.fx, cameras.fy, cameras.cx, cameras.cy])
    walk = np.concatenate([cameras.world_from_cam.ravel(), lens.ravel()])
    return {
        "checkpoint": "" if newest is None else f"{newest.stem}-{_hash(newest.read_bytes())}",
        "walk": f"{len(cameras)} cameras, {_hash(np.round(walk, 9).tobytes())}",
        "tracer": tracer,
        "size": list(size),
    }


def _hash(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=8).hexdigest()
