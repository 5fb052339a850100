"""The task of a shape: its parts, as a configuration composes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from neurfield.errors import UserError
from neurfield.fitting.points_task import RADIUS, losses_of, offered_by, sources_of
from neurfield.fitting.scene import make_field
from neurfield.fitting.task import Task
from neurfield.parts import Config
from neurfield.shapes import UnitShape


class ShapeTask(Task):
    """The parts of a method, put together for one mesh or cloud."""

    def __init__(self, shape: UnitShape, config: Config, device: torch.device) -> None:
        """Make all parts; distances are worked out before the first step.

        Args:
            shape: in the unit coordinates that the field lives in.
            config: of the fit.
            device: of field and steps.

        Raises:
            UserError: a part asks for what the shape or the method does not have, with the way out.
        """
        self.shape, self.config = shape, config
        field = make_field(config, device)
        offers: dict[str, Callable[[], Any]] = {
            "shape": lambda: shape, "field": lambda: field, "unit_box": lambda: shape.unit_box,
            "frame": lambda: shape.frame, "device": lambda: device, "seed": lambda: config.seed,
        }  # fmt: skip
        sources = sources_of(config, offers)
        inside = any(
            "points.around.inside" in loss.needs().required for loss in config.many("losses").values()
        )
        offered = offered_by(sources, field)
        if inside and "points.around.inside" not in offered and not shape.shape.is_mesh:
            raise UserError(
                f"{shape.shape.name}: its points say nothing of what is inside, and the method "
                f"{config.name} asks for that: choose --field sdf or --field udf"
            )
        losses = losses_of(config, offers, offered, "shape")
        if not losses:
            raise UserError(
                f"{shape.shape.name}: none of the method's losses finds what it looks at in "
                f"{shape.shape.words}"
            )
        field.start_as_sphere(field.radius or RADIUS, inside=_free_inside(shape), seed=config.seed)
        super().__init__(field, None, sources, None, losses, config.train, config.seed, device)


def _free_inside(shape: UnitShape) -> bool:
    """Whether a cloud's normals point to its middle, as those of a scanned room do."""
    normals = shape.shape.normals
    if shape.shape.is_mesh or normals is None:
        return False
    return float((shape.points.double().numpy() * normals).sum(axis=1).mean()) < 0.0
