"""Frames as a film: .mp4, .webm or .gif, by the ffmpeg that imageio-ffmpeg brings."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import numpy as np

from neurfield.errors import UserError
from neurfield.files import atomic_write
from neurfield.optional import require

_PALETTE = "split[a][b];[a]palettegen[p];[b][p]paletteuse=dither=sierra2_4a"
# How ffmpeg is asked for each; players show 4:2:0.
KINDS: dict[str, list[str]] = {
    ".mp4": ["-c:v", "libx264", "-crf", "18", "-pix_fmt", "yuv420p", "-movflags", "+faststart"],
    ".webm": ["-c:v", "libvpx-vp9", "-crf", "28", "-b:v", "0", "-pix_fmt", "yuv420p"],
    ".gif": ["-filter_complex", _PALETTE, "-loop", "0"],
}


def is_video(path: Path) -> bool:
    """Whether a path is to be a film."""
    return path.suffix.lower() in KINDS


def encoder(path: Path) -> str:
    """The ffmpeg that will write a film: asked for before time is spent on what it is to encode.

    Raises:
        UserError: imageio-ffmpeg is not installed, or finds no ffmpeg.
    """
    module = require("imageio_ffmpeg", "video")
    try:
        return str(module.get_ffmpeg_exe())
    except RuntimeError as reason:
        raise UserError(
            f"{path}: imageio-ffmpeg finds no ffmpeg ({reason}): install ffmpeg, name it in "
            "IMAGEIO_FFMPEG_EXE, or give a folder for PNG"
        ) from reason


def write_video(path: Path, frames: Iterable[np.ndarray], fps: float) -> None:
    """Write a film, whole or not at all.

    Args:
        path: ends in .mp4, .webm or .gif.
        frames: uint8 [h,w,3] each, of one size with even sides.
        fps: frames a second.

    Raises:
        UserError: ffmpeg cannot, and what it says.
    """
    program, rate = encoder(path), str(Fraction(fps).limit_denominator(100000))
    with atomic_write(path) as temporary, tempfile.TemporaryFile() as complaints:
        process: subprocess.Popen[bytes] | None = None
        try:
            for frame in frames:
                if process is None:
                    size = f"{frame.shape[1]}x{frame.shape[0]}"
                    given = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", size, "-r", rate, "-i", "-"]
                    command = [program, "-y", "-v", "error", *given, *KINDS[path.suffix.lower()]]
                    process = subprocess.Popen(
                        [*command, str(temporary)], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                        stderr=complaints, start_new_session=True,
                    )  # fmt: skip
                assert process.stdin is not None
                process.stdin.write(np.ascontiguousarray(frame).tobytes())
            if process is None:
                raise ValueError("a film of no frames")
            process.communicate()
        except BrokenPipeError:  # it ended before it had all
            assert process is not None
            process.wait()
        finally:
            if process is not None and process.poll() is None:
                process.kill()
                process.wait()
        if process is None or process.returncode or not temporary.is_file():
            complaints.seek(0)
            lines = complaints.read().decode(errors="replace").strip().splitlines()
            raise UserError(
                f"{path}: ffmpeg cannot write it ({lines[-1] if lines else 'it does not say why'}): "
                "give another ending or another place"
            )
