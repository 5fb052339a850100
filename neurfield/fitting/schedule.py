"""How rates and widths move over a fit; progress is step / steps in 0..1."""

from __future__ import annotations

import math


def learning_rate_factor(step: int, steps: int, warmup: int, end: float) -> float:
    """What learning rates are multiplied with: a linear warm-up, then a cosine from 1 down to `end`.

    Args:
        step: from 0.
        steps: of the whole fit.
        warmup: steps of the linear part.
        end: at the last step.
    """
    if step < warmup:
        return (step + 1) / warmup
    progress = (step - warmup) / max(1, steps - warmup)
    return end + (1.0 - end) * 0.5 * (1.0 + math.cos(math.pi * min(1.0, progress)))
