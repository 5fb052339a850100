"""The task of slices: its parts, as a configuration composes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from neurfield.fitting.points_task import RADIUS, losses_of, offered_by, sources_of
from neurfield.fitting.scene import make_field
from neurfield.fitting.task import Task
from neurfield.parts import Config
from neurfield.slices.unit_slices import UnitSlices


class SlicesTask(Task):
    """The parts of a method, put together for the contours of one label."""

    def __init__(self, slices: UnitSlices, config: Config, device: torch.device) -> None:
        """Make all parts; distances in planes are worked out before the first step.

        Args:
            slices: in the unit coordinates that the field lives in.
            config: of the fit.
            device: of field and steps.

        Raises:
            UserError: a part asks for what slices or the method do not have, with the way out.
        """
        self.slices, self.config = slices, config
        field = make_field(config, device)
        offers: dict[str, Callable[[], Any]] = {
            "slices": lambda: slices, "field": lambda: field, "unit_box": lambda: slices.unit_box,
            "frame": lambda: slices.frame, "device": lambda: device, "seed": lambda: config.seed,
        }  # fmt: skip
        sources = sources_of(config, offers)
        losses = losses_of(config, offers, offered_by(sources, field), "slices")
        field.start_as_sphere(field.radius or RADIUS, inside=False, seed=config.seed)
        super().__init__(field, None, sources, None, losses, config.train, config.seed, device)
