"""A walk that is recorded key by key, and files that a window writes."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from neurfield.scenes.walk_file import write_walk
from neurfield.scenes.walks import walk_through
from neurfield.viewer.content import Content
from neurfield.wording import quoted

_SECONDS = 2.0  # from key to key


class Recorder:
    """The keys of a walk, written anew with each of them: nothing is lost when a window is closed.

    Args:
        content: what is walked through; the files lie in its run's folder, or where the window was opened.
    """

    def __init__(self, content: Content) -> None:
        self._content = content
        self._poses: list[np.ndarray] = []
        self._fov: list[float] = []
        self._path: Path | None = None

    @property
    def folder(self) -> Path:
        """Where files are written."""
        folder = self._content.folder
        return folder if folder is not None and os.access(folder, os.W_OK) else Path()

    def free(self, name: str) -> Path:
        """A path in the folder that nothing lies at: the name, or it with a number."""
        path = self.folder / name
        number = 2
        while path.exists():
            path = self.folder / f"{Path(name).stem}-{number}{Path(name).suffix}"
            number += 1
        return path

    def add(self, world_from_cam: np.ndarray, fov: float, size: tuple[int, int]) -> str:
        """Keep a key [4, 4], as shown, with its vertical field of view in degrees; what to tell of it.

        Raises:
            UserError: it is no pose.
            OSError: the walk cannot be written.
        """
        pose = np.array(world_from_cam, float)
        pose[:3, 3] += self._content.origin
        if self._path is None:
            self._path = self.free("walk.json")
        poses, fovs = [*self._poses, pose], [*self._fov, fov]
        even = (size[0] // 2 * 2, size[1] // 2 * 2)  # films have even sides
        seconds = _SECONDS * max(1, len(poses) - 1)
        write_walk(self._path, walk_through(np.stack(poses), np.array(fovs), seconds, size=even))
        self._poses, self._fov = poses, fovs
        if len(poses) == 1:
            return f"key 1 of {self._path}: go on, and press K again"
        run = self._content.folder
        how = "" if run is None else f"\nneurfield render {quoted(run)} --walk {quoted(self._path)}"
        return f"key {len(poses)} of {self._path}, {seconds:.0f} s{how}"
