"""Epochs over sets of points that change from level to level of a fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple


class Place(NamedTuple):
    """Where in its epochs a fit stands, all of it from 0.

    Attributes:
        level: of the fit.
        epoch: of the whole fit.
        batch: of the epoch.
    """

    level: int
    epoch: int
    batch: int


@dataclass(frozen=True)
class Epochs:
    """So many epochs at each level, of so many batches each.

    Attributes:
        epochs: at each level.
        batches: of an epoch, at each level.
    """

    epochs: Sequence[int]
    batches: Sequence[int]

    @property
    def steps(self) -> int:
        """Batches in all."""
        return sum(epochs * batches for epochs, batches in zip(self.epochs, self.batches))

    def at(self, progress: float) -> Place:
        """The place after a share of all batches, in 0..1: a fit of `steps` steps goes through each once."""
        left = min(self.steps - 1, int(progress * self.steps + 1e-6))
        epoch = 0
        for level, (epochs, batches) in enumerate(zip(self.epochs, self.batches)):
            if left < epochs * batches:
                return Place(level, epoch + left // batches, left % batches)
            left, epoch = left - epochs * batches, epoch + epochs
        raise AssertionError("the last batch is of the last level")
