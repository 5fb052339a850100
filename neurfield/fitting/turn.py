"""What a step of a fit is about: first all is fitted, then a polish goes on with some of it alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from neurfield.fitting.schedule import learning_rate_factor
from neurfield.fitting.step import StepReport
from neurfield.moment import Moment

POLISH = "polish."  # begins the names of groups that learn to the end
WARMUP = 20  # steps of a polish over which its rates rise


class Polish(Protocol):
    """The last part of a fit.

    Attributes:
        share: of the steps.
        rate: its learning rates at first, times those of `train`.
    """

    share: float
    rate: float

    def step(self, task: Any, number: int, count: int, moment: Moment) -> StepReport:
        """Losses of a step.

        Args:
            task: of the fit; of what it fits only colour and exposure may learn.
            number: of the step, from 0.
            count: steps of the polish.
            moment: the end of the fit.
        """
        ...

    def forget(self) -> None:
        """Let go of what was worked out of the field: it is another one now."""
        ...


@dataclass(frozen=True)
class Turn:
    """Where a step stands in its part of a fit.

    Attributes:
        number: of the step in this part, from 0.
        count: steps of this part.
        polishes: whether this part is the polish.
        factor: of the learning rates.
    """

    number: int
    count: int
    polishes: bool
    factor: float

    @property
    def progress(self) -> float:
        """In 0..1: of schedules, which end where the polish begins."""
        return 1.0 if self.polishes else self.number / max(1, self.count)


def turn_of(step: int, train: Any, polish: Polish | None) -> Turn:
    """What a step, from 0, is about.

    Args:
        step: of the fit.
        train: steps and rates.
        polish: of the method, if it has one.
    """
    before = steps_before(train.steps, polish)
    if polish is None or step < before:
        factor = learning_rate_factor(step, before, train.warmup, train.lr_end, train.lr_course)
        return Turn(step, before, False, factor)
    number, count = step - before, train.steps - before
    factor = polish.rate * learning_rate_factor(number, count, min(WARMUP, count // 2), train.lr_end)
    return Turn(number, count, True, factor)


def steps_before(steps: int, polish: Polish | None) -> int:
    """How many of a fit's steps come before its polish: one at least."""
    return steps if polish is None else max(1, steps - round(polish.share * steps))
