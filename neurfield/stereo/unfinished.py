"""Intermediate results, kept in memory or, so that an interrupted run can go on, in a folder."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from neurfield.files import atomic_write

Results = dict[str, Tensor]
_FOLDER = "unfinished"


class Unfinished:
    """Results by stage and frame.

    Args:
        folder: of the maps; None: everything is kept in memory.
        fingerprint: of pictures, cameras and settings: results under another one are thrown away.
    """

    def __init__(self, folder: Path | None = None, fingerprint: str = "") -> None:
        self._held: dict[tuple[str, int], Results] = {}
        self._folder = None
        if folder is not None:
            self._folder = folder / _FOLDER / fingerprint
            for other in (folder / _FOLDER).glob("*"):
                if other != self._folder:
                    shutil.rmtree(other, ignore_errors=True)
            self._folder.mkdir(parents=True, exist_ok=True)

    def get(self, stage: str, frame: int) -> Results | None:
        """What a stage gave for a frame, if it has come that far."""
        if (stage, frame) in self._held:
            return self._held[stage, frame]
        path = self._path(stage, frame)
        if path is None or not path.is_file():
            return None
        try:
            with np.load(path, allow_pickle=False) as arrays:
                return {name: torch.from_numpy(arrays[name]) for name in arrays.files}
        except (OSError, ValueError, EOFError):
            return None  # made again

    def put(self, stage: str, frame: int, results: Results) -> None:
        """Keep what a stage gave for a frame."""
        self._held[stage, frame] = results
        path = self._path(stage, frame)
        if path is not None:
            with atomic_write(path) as temporary:
                np.savez(temporary, **{name: tensor.numpy() for name, tensor in results.items()})  # type: ignore[arg-type]

    def drop(self, stage: str) -> None:
        """Hold a stage's results no longer in memory."""
        self._held = {key: results for key, results in self._held.items() if key[0] != stage}

    def remove(self) -> None:
        """Remove the folder: everything is done."""
        self._held.clear()
        if self._folder is not None:
            shutil.rmtree(self._folder.parent, ignore_errors=True)

    def _path(self, stage: str, frame: int) -> Path | None:
        return None if self._folder is None else self._folder / f"{frame:06d}_{stage}.npz"
