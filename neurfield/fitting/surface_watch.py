"""Notices that the surface has left the box, before hours are spent on a field that has none."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from neurfield.config import DataConfig
from neurfield.errors import UserError
from neurfield.scenes import Scene

LEAST_IN_A_ROOM = 1.0  # samples a ray, where each ray ought to meet a wall: surfaces take about ten
LEAST_ANYWHERE = 0.02  # where it is not known how many rays ought to meet something
MEMORY = 0.01  # share of the newest step in the mean
START = 8.0  # times the least: with no sample at all it takes 200 steps to be sure
MOST_MASKS = 16


class SurfaceLeft(UserError):
    """Rays meet no surface any more, and the fit is to be stopped, or was stopped: then `checkpoint` is its
    last state."""

    def __init__(self, words: str, checkpoint: Path | None = None) -> None:
        super().__init__(words)
        self.checkpoint = checkpoint


class SurfaceWatch:
    """A slow mean of samples a ray; once it is below `least`, the surface has left."""

    def __init__(self, least: float, advice: str) -> None:
        self.least, self.advice = least, advice
        self.reset()

    def reset(self) -> None:
        """Look anew."""
        self.mean = START * self.least

    def look(self, samples_per_ray: float) -> None:
        """Take note of a step.

        Raises:
            SurfaceLeft: there was hardly any surface for long enough.
        """
        self.mean += MEMORY * (samples_per_ray - self.mean)
        if self.mean < self.least:
            raise SurfaceLeft(
                f"the surface has left the box (rays meet {self.mean:.2g} samples each, "
                f"at a surface it would be about {10.0 * self.least:.2g}): {self.advice}"
            )


def least_samples(scene: Scene, data: DataConfig) -> float:
    """Samples a ray below which there is no surface: in a room whose box nobody chose each ray ought to end
    at a wall, before a masked object those within the masks."""
    if scene.kind == "inside":
        return LEAST_ANYWHERE if data.box else LEAST_IN_A_ROOM
    if "mask" not in scene.sources:
        return LEAST_ANYWHERE
    with_mask = [i for i, path in enumerate(scene.files["mask"].paths) if path is not None]
    chosen = np.unique(np.linspace(0, len(with_mask) - 1, MOST_MASKS).astype(int))
    masks = [scene.mask(with_mask[k]) for k in chosen]
    return LEAST_IN_A_ROOM * float(np.mean([mask.mean() for mask in masks if mask is not None]))
