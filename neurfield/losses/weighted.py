"""The losses of a fit, weighted."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from types import MappingProxyType
from typing import Any

from torch import Tensor

from neurfield.errors import UserError
from neurfield.losses.seen import Seen
from neurfield.moment import Moment
from neurfield.parts import Part, needs_of


@dataclass(frozen=True)
class WeightedLoss:
    """A loss with its weight and numbers.

    Attributes:
        function: of a `Seen` and the numbers; or the class of what was `made`.
        weight: at a fit's first step.
        numbers: the loss's own, by name.
        decay: the weight falls as exp(-decay * progress).
        made: of a `Seen` alone: what a class made, with its numbers, of what it asked of the fit.
    """

    function: Callable[..., Any]
    weight: float
    numbers: Mapping[str, Any] = field(default_factory=dict)
    decay: float = 0.0
    made: Callable[[Seen], Tensor] | None = None

    @staticmethod
    def of(part: Part, offers: Mapping[str, Callable[[], Any]] = MappingProxyType({})) -> WeightedLoss:
        """A loss as a configuration has chosen it.

        Args:
            part: a function of a `Seen`, or a class whose objects are called with one.
            offers: what a class may ask for, by name.

        Raises:
            UserError: a class asks for something that is not among the offers.
        """
        target = part.load()
        made = part.make_of(offers) if inspect.isclass(target) else None
        return WeightedLoss(target, part.weight or 0.0, part.numbers, part.decay, made)

    def prepare(self) -> None:
        """Let what a class made work out, once, what it compares with."""
        getattr(self.made, "prepare", lambda: None)()

    def value(self, seen: Seen) -> Any:
        """The loss without its weight: what its function returns."""
        return (self.made or partial(self.function, **self.numbers))(seen)

    @cached_property
    def needs(self) -> frozenset[str]:
        """Names of all that it looks at; where one of them is missing, it has nothing to say."""
        marked = needs_of(self.function).filled(self.numbers)
        return marked.required | marked.optional

    def looks_at(self, seen: Seen) -> bool:
        """Whether all that it looks at is there."""
        return self.needs <= seen.offers

    def weight_at(self, moment: Moment, seen: Seen) -> float:
        """What it counts at a moment of a fit; less where the points that it looks at are let go of."""
        weight = self.weight
        if self.decay:
            weight = weight * math.exp(-self.decay * moment.progress)
        for name in self.needs:
            points = seen.points.get(name.split(".")[1]) if name.startswith("points.") else None
            if points is not None:
                weight = points.hold * weight
        return weight


def losses_of(seen: Seen, losses: Mapping[str, WeightedLoss]) -> dict[str, Tensor]:
    """The weighted values, by label, of those losses for which there is something to look at.

    Raises:
        UserError: a loss returns something else than one number.
    """
    values = {}
    for label, loss in losses.items():
        if loss.looks_at(seen):
            value = loss.value(seen)
            if not isinstance(value, Tensor) or value.numel() != 1:
                what = list(value.shape) if isinstance(value, Tensor) else type(value).__name__
                raise UserError(f"'losses.{label}' returned {what}: a loss returns a tensor of one number")
            values[label] = loss.weight_at(seen.moment, seen) * value.reshape(())
    return values


def added(looks: Iterable[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """The losses of several looks, those of one label as their sum."""
    total: dict[str, Tensor] = {}
    for values in looks:
        for label, value in values.items():
            total[label] = total[label] + value if label in total else value
    return total
