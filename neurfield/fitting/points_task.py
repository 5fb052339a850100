"""The task of whatever is known at points alone: a shape, a cloud, slices."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

from neurfield.fitting.scene import make_field
from neurfield.fitting.task import Task
from neurfield.losses.weighted import WeightedLoss
from neurfield.parts import Config, awake, looked_at, of_use
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


def sources_of(config: Config, offers: Mapping[str, Callable[[], Any]]) -> list[PointSource]:
    """The point sources of a configuration that some loss of it looks at.

    Args:
        config: of the fit.
        offers: what parts may ask for, by name.
    """
    needed = looked_at(config.many("losses").values())
    return of_use((part.make_of(offers) for part in config.many("points").values()), needed)


def offered_by(sources: Sequence[PointSource], field: Any) -> set[str]:
    """What losses may look at of points alone and of a field's heads."""
    heads = {f"heads.{name}" for name in getattr(field, "heads", ())}
    return heads.union(*(source.offers for source in sources))


def losses_of(
    config: Config, offers: Mapping[str, Callable[[], Any]], offered: set[str], fitted: str
) -> dict[str, WeightedLoss]:
    """The losses of a configuration that find what they look at, by label.

    Args:
        config: of the fit.
        offers: what parts may ask for, by name.
        offered: what there is to look at.
        fitted: what has it, in a word.

    Raises:
        UserError: something that one cannot do without is missing, with the way out.
    """
    awaken = awake(config.many("losses"), offered, fitted)
    return {label: WeightedLoss.of(part, offers) for label, part in awaken.items()}
