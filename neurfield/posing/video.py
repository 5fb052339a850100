"""The sharp frames of a video, far enough from each other to tell them apart."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from neurfield.errors import UserError
from neurfield.optional import require
from neurfield.posing.pictures import Listing, Picture, Progress, reduced, save
from neurfield.posing.sharpness import edge_energy, grey_of, sharpness, shift, small_grey
from neurfield.posing.workplace import Workplace

MOST = 240  # frames of a video
_WINDOW = 0.4  # seconds, of which the sharpest frame is taken
_MOVED, _SAME = 0.02, 0.95  # of the width; correlation
_STILL, _CUT = 0.7, 12.0  # levels of grey from frame to frame
_SLIDES = 0.85  # of all frames of a slide show are as the one before


def probe(video: Path) -> tuple[tuple[int, int], float, int]:
    """Width and height (as stored), seconds, and how many frames may be taken.

    Raises:
        UserError: as `take_frames`.
    """
    with _opened(video) as container:
        stream = container.streams.video[0]
        seconds = _seconds(container, stream)
        return (stream.width, stream.height), seconds, min(MOST, ceil(seconds / _WINDOW)) or MOST


def take_frames(video: Path, longest: int, place: Workplace, progress: Progress) -> Listing:
    """Write the frames of a video that are sharpest in their time and differ from the one before.

    Args:
        video: a file.
        longest: side of a picture, pixels.
        place: to write to; all frames are there, or none.
        progress: is told which part is done.

    Raises:
        UserError: the library is missing, or the file is no video that can be read.
    """
    unfinished = place.pictures.with_name("pictures.part")
    for folder in (unfinished, place.pictures):
        shutil.rmtree(folder, ignore_errors=True)
    unfinished.mkdir()
    chooser = _Chooser(unfinished, longest)
    with _opened(video) as container:
        stream = container.streams.video[0]
        seconds = _seconds(container, stream)
        chooser.window = max(_WINDOW, seconds / MOST)
        for time, picture in _decoded(video, container, stream):
            progress("frames of the video", min(1.0, time / seconds) if seconds else 0.0)
            chooser.look(time, picture)
    chooser.close_window()
    if not chooser.count:
        raise UserError(f"{video}: no frame in it can be decoded: write or copy it again")
    unfinished.rename(place.pictures)
    return chooser.listing()


class _Chooser:
    """Looks at one frame after the other and keeps the best of each window."""

    def __init__(self, folder: Path, longest: int) -> None:
        self.folder, self.longest, self.window = folder, longest, _WINDOW
        self.pictures: list[Picture] = []
        self.count = self.still = 0
        self._begin: float | None = None
        self._best: tuple[float, int, np.ndarray] | None = None
        self._kept: np.ndarray | None = None
        self._before: np.ndarray | None = None
        self._changes: list[float] = []

    def look(self, time: float, picture: np.ndarray) -> None:
        """One frame uint8 [h,w,3], seconds from the beginning."""
        small = small_grey(picture)
        if self._before is not None:
            self._changes.append(float(np.abs(small - self._before).mean()))
        self._before = small
        if self._begin is None or time >= self._begin + self.window:
            self.close_window()
            self._begin = time
        energy = edge_energy(grey_of(picture, max(picture.shape) // 2))
        if self._best is None or energy > self._best[0]:
            self._best = energy, self.count, picture
        self.count += 1

    def close_window(self) -> None:
        """Keep the sharpest frame of the window, if something has moved since the last."""
        if self._best is None:
            return
        _, number, picture = self._best
        self._best = None
        small = small_grey(picture)
        if self._kept is not None and _alike(self._kept, small):
            self.still += 1
            return
        self._kept = small
        full = (picture.shape[1], picture.shape[0])
        size = reduced(full, self.longest)
        image = Image.fromarray(picture)
        image = image if size == full else image.resize(size, Image.Resampling.LANCZOS)
        name = f"frame_{number:06d}"
        save(self.folder / f"{len(self.pictures):06d}.jpg", image)
        self.pictures.append(
            Picture(name, f"{len(self.pictures):06d}.jpg", size, full, None, "", sharpness(np.asarray(image)))
        )

    def listing(self) -> Listing:
        """What was kept, and what is to be said of it."""
        kept, slides = len(self.pictures), self.is_slide_show()
        lines = [f"{kept} of {self.count} frames: the sharpest of every {self.window:.2g} s"]
        if slides:
            lines = [f"the video is a slide show: its {kept} pictures are matched each with each, as photos"]
        elif self.still:
            lines[0] += f", without {self.still} in which hardly anything had moved"
        return Listing(tuple(self.pictures), not slides, tuple(lines))

    def is_slide_show(self) -> bool:
        """Whether nearly all frames are as the one before, and the rest are cuts."""
        changes = np.array(self._changes)
        if len(changes) < 10:
            return False
        return bool((changes < _STILL).mean() > _SLIDES and (changes > _CUT).sum() >= 2)


def _alike(first: np.ndarray, second: np.ndarray) -> bool:
    """Whether neither the camera nor anything before it has moved between two small pictures."""
    if shift(first, second) >= _MOVED:
        return False
    if min(first.std(), second.std()) < 1e-3:
        return True
    return float(np.corrcoef(first.ravel(), second.ravel())[0, 1]) > _SAME


def _opened(video: Path) -> Any:
    av = require("av", "photos")
    try:
        container = av.open(str(video))
    except (OSError, ValueError) as reason:
        raise UserError(f"{video}: not a readable video ({reason}): write or copy it again") from reason
    if not container.streams.video:
        container.close()
        raise UserError(f"{video}: there is no picture in it, only sound: give a video")
    return container


def _decoded(video: Path, container: Any, stream: Any) -> Iterator[tuple[float, np.ndarray]]:
    """Seconds and upright pictures of all frames that can be decoded, one after the other."""
    stream.thread_type = "AUTO"
    first: float | None = None
    try:
        for frame in container.decode(stream):
            time = 0.0 if frame.time is None else float(frame.time)
            first = time if first is None else first
            turns = round(getattr(frame, "rotation", 0) / 90) % 4  # counter-clockwise, as np.rot90
            yield time - first, np.ascontiguousarray(np.rot90(frame.to_ndarray(format="rgb24"), turns))
    except (OSError, ValueError) as reason:
        if first is None:
            raise UserError(f"{video}: not a readable video ({reason}): write or copy it again") from reason
        # A video that was cut off: what came before is used.


def _seconds(container: Any, stream: Any) -> float:
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    return float(container.duration) / 1e6 if container.duration else 0.0
