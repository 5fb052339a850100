"""The task of whatever is known at points alone: a shape, a cloud, slices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch

from neurfield.fitting.scene import make_field
from neurfield.fitting.task import Task
from neurfield.losses.weighted import WeightedLoss
from neurfield.parts import Config
from neurfield.points import PointSource

RADIUS = 0.5  # of the sphere that a fit starts from, unit lengths, where the configuration gives none


def points_task(
    config: Config,
    device: torch.device,
    sources: Sequence[PointSource],
    losses: Mapping[str, WeightedLoss],
    inside: bool = False,
) -> Task:
    """A field as the configuration says, compared at points of the unit coordinates.

    Args:
        config: of the fit.
        device: of field and steps.
        sources: of points.
        losses: on them, by label; those of the configuration that look at nothing but what the sources offer
            take part, too.
        inside: whether free space lies within the surface.
    """
    field = make_field(config, device)
    field.start_as_sphere(field.radius or RADIUS, inside=inside, seed=config.seed)
    offered = frozenset(name for source in sources for name in source.offers)
    needs = {label: part.needs() for label, part in config.many("losses").items()}
    common = {
        label: WeightedLoss.of(part)
        for label, part in config.many("losses").items()
        if needs[label].required | needs[label].optional <= offered
    }
    return Task(field, None, sources, None, {**common, **losses}, config.train, config.seed, device)
