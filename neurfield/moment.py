"""Where in a fit a step stands. Whatever changes over a fit is handed this and keeps no clock of its own."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Moment:
    """A step of a fit.

    Attributes:
        step: from 0.
        progress: step / steps, in 0..1.
        alone: share of the steps that look at points alone, before rays take part.
        warm: whether the field starts from a surface that is nearly right.
        since: how many steps rays have taken part in before this one; negative before they do.
        seed: of the fit.
        generator: of all of the step's randomness but which pixels; on the field's device.
    """

    step: int
    progress: float
    alone: float = 0.0
    warm: bool = False
    since: int = 0
    seed: int = 0
    generator: torch.Generator | None = None

    @property
    def points_alone(self) -> bool:
        """Whether this step looks at points alone."""
        return self.progress < self.alone


END = Moment(step=0, progress=1.0)  # of a fit, for pictures of what came of it


def geometric(start: float, end: float, progress: float) -> float:
    """From `start` to `end` by equal factors, both positive; `progress` counts as 0..1."""
    return start * (end / start) ** min(1.0, max(0.0, progress))


def active_levels(start: int, levels: int, progress: float, all_at: float) -> int:
    """How many of a grid's levels take part: `start` at first, then one more at a time up to all of them.

    Args:
        start: at progress 0, at least 1.
        levels: of the grid.
        progress: of the fit, in 0..1.
        all_at: the progress from which all take part; 0: from the start.
    """
    share = 1.0 if all_at <= 0 else min(1.0, progress / all_at)
    return min(levels, start + math.floor(share * (levels - start) + 1e-9))
