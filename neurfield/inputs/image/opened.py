"""A picture opened for a fit, and the task that fits it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from neurfield.fields import ImageField
from neurfield.fitting.image import ImageTask, decode_region
from neurfield.images import ImageSource
from neurfield.inputs.size import parameters_of
from neurfield.parts import Config


class OpenedImage:
    """A picture, the configuration of its fit, and the task.

    Args:
        source: the picture.
        config: of the fit.
        device: of field and steps.
        fresh: whether the field starts from the picture, and is not about to be loaded.
    """

    def __init__(self, source: ImageSource, config: Config, device: torch.device, fresh: bool) -> None:
        self.source, self.config = source, config
        self.task = make_task(source, config, device, fresh)
        self.folder, self.name = Path(), source.name
        self.seconds_of_start = self.task.seconds_of_start

    @property
    def field(self) -> ImageField:
        """Values in 0..1 at (column + 0.5, row + 0.5) / max(width, height)."""
        return self.task.field

    @property
    def parameters(self) -> int:
        """Numbers that were fitted."""
        return parameters_of(self.task)

    def region(self, x: int, y: int, w: int, h: int) -> np.ndarray:
        """The fitted pixels [h, w, channels] of a region, as `Run.region`."""
        return decode_region(self.task.field, self.source, self.task.device, x, y, w, h)


def make_task(source: ImageSource, config: Config, device: torch.device, fresh: bool) -> ImageTask:
    """What fits a field to a picture."""
    return ImageTask(source, config, device, fresh)
