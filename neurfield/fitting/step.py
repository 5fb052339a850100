"""What a step hands to the loop that asked for it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class StepReport:
    """One step's losses and figures for the log.

    Attributes:
        losses: by label, weighted, to be summed.
        figures: by name, numbers or tensors of one, which are read when the log is written: reading makes a
            GPU wait.
    """

    losses: Mapping[str, Tensor]
    figures: Mapping[str, float | Tensor]

    def total(self) -> Tensor:
        """The loss."""
        return torch.stack(list(self.losses.values())).sum()


@dataclass(frozen=True)
class FixedStep:
    """A step in two: what it drew, and a report that follows from this, the parameters and nothing else.

    Attributes:
        inputs: tensors whose shapes are the same in nearly every step.
        report: of such tensors; it may neither read a value of a tensor nor do anything beside tensors.
        baked: what else it depends on, as one value: with another one the report is another function.
    """

    inputs: tuple[Tensor, ...]
    report: Callable[..., StepReport]
    baked: Hashable = None
