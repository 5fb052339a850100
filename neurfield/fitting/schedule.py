"""How rates and widths move over a fit; progress is step / steps in 0..1."""

from __future__ import annotations

import math

from neurfield.moment import geometric


def learning_rate_factor(step: int, steps: int, warmup: int, end: float, course: str = "cosine") -> float:
    """What learning rates are multiplied with: a linear warm-up, then from 1 down to `end`.

    Args:
        step: from 0.
        steps: of the whole fit.
        warmup: steps of the linear part.
        end: at the last step.
        course: "cosine", or "exponential": by equal factors.
    """
    if step < warmup:
        return (step + 1) / warmup
    progress = (step - warmup) / max(1, steps - warmup)
    if course == "exponential":
        return geometric(1.0, end, progress)
    return end + (1.0 - end) * 0.5 * (1.0 + math.cos(math.pi * min(1.0, progress)))
