"""The task of slices: its parts, as a configuration composes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from neurfield.fields import PartitionField
from neurfield.fitting.points_task import RADIUS, losses_of, offered_by, sources_of
from neurfield.fitting.scene import make_field, resolve
from neurfield.fitting.task import Task
from neurfield.parts import Config
from neurfield.slices import enclosed_labels, inner_labels, regions
from neurfield.slices.regions import ANY
from neurfield.slices.unit_slices import UnitSlices

_TOLD = 8192  # places by which a distance of several begins


class SlicesTask(Task):
    """The parts of a method, put together for the contours of one label, or of several."""

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
        self.told = resolve(config, slices.slices)
        field = make_field(config, device)
        offers: dict[str, Callable[[], Any]] = {
            "slices": lambda: slices, "field": lambda: field, "unit_box": lambda: slices.unit_box,
            "frame": lambda: slices.frame, "device": lambda: device, "seed": lambda: config.seed,
            "label_slices": lambda: label_slices(slices),
        }  # fmt: skip
        sources = sources_of(config, offers)
        losses = losses_of(config, offers, offered_by(sources, field), "slices")
        field.start_as_sphere(field.radius or RADIUS, inside=False, seed=config.seed)
        if isinstance(field, PartitionField):
            field.enclosed, field.inner = enclosed_labels(slices.slices), inner_labels(slices.slices)
            field.start_near([_told(one, config.seed) for one in label_slices(slices)], config.seed)
        super().__init__(field, None, sources, None, losses, config.train, config.seed, device)


def label_slices(slices: UnitSlices) -> list[UnitSlices]:
    """What all labels have as one thing, then what each has with those it goes around, in the box of all.

    So the field is asked for no hole that a small label leaves deep in a large one: of a large label's points
    next to none are there. `PartitionField` takes the small one away again.
    """
    found = regions(slices.slices, enclosed_labels(slices.slices))
    return [UnitSlices(found[label], slices.box) for label in (ANY, *slices.slices.labels)]


def _told(slices: UnitSlices, seed: int) -> tuple[Tensor, Tensor]:
    """Places in planes, and distances there, unit lengths; where a plane has no contour, the gap."""
    found = slices.in_planes(_TOLD, (0.01, 0.2), 0.7, seed)
    return found.points, torch.where(found.sdf.isfinite(), found.sdf.clamp(-0.5, 0.5), slices.gap)
