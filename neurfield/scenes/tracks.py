"""Where the frames of a scene see its sparse points, and how far from there the cameras put them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neurfield.scenes.cameras import Cameras


@dataclass(frozen=True)
class Tracks:
    """M sightings of sparse points, as structure from motion leaves them.

    Attributes:
        frame: [M] int64.
        point: [M] int64, the row of `Scene.points`.
        pixel: [M,2] float64, column and row, pixel centres at +0.5, with the lens' distortion.
    """

    frame: np.ndarray
    point: np.ndarray
    pixel: np.ndarray

    def __len__(self) -> int:
        return len(self.frame)

    def finite(self) -> Tracks:
        """Without sightings that have no pixel."""
        return self._rows(np.isfinite(self.pixel).all(axis=1))

    def select(self, frames: np.ndarray) -> Tracks:
        """The sightings of these frames [k] alone, which are counted from 0 in their order."""
        order = np.asarray(frames, dtype=np.int64)
        rows = [np.flatnonzero(self.frame == i) for i in order]
        some = self._rows(np.concatenate([np.zeros(0, np.int64), *rows]))
        counts = np.array([len(own) for own in rows], dtype=np.int64)
        return Tracks(np.repeat(np.arange(len(order)), counts), some.point, some.pixel)

    def errors(self, cameras: Cameras, points: np.ndarray) -> np.ndarray:
        """Pixels [M] between where a point was seen and where its camera puts it; inf: behind the camera."""
        error = np.full(len(self), np.inf)
        for i in np.unique(self.frame):
            own = self.frame == i
            uv, _ = cameras.project(int(i), points[self.point[own]])
            error[own] = np.nan_to_num(np.linalg.norm(uv - self.pixel[own], axis=1), nan=np.inf)
        return error

    def _rows(self, rows: np.ndarray) -> Tracks:
        return Tracks(self.frame[rows], self.point[rows], self.pixel[rows])
