"""How rates and widths move over a fit; progress is step / steps in 0..1."""

from __future__ import annotations

import math


def learning_rate_factor(step: int, steps: int, warmup: int, end: float) -> float:
    """Linear warm-up over `warmup` steps, then a cosine from 1 down to `end`."""
    if step < warmup:
        return (step + 1) / warmup
    progress = (step - warmup) / max(1, steps - warmup)
    return end + (1.0 - end) * 0.5 * (1.0 + math.cos(math.pi * min(1.0, progress)))


def geometric(start: float, end: float, progress: float) -> float:
    """From start to end by equal factors."""
    return start * (end / start) ** min(1.0, max(0.0, progress))


def active_levels(start: int, levels: int, progress: float, all_at: float) -> int:
    """Grid levels that take part: `start` at first, then one more at a time until all of them at `all_at`."""
    share = 1.0 if all_at <= 0 else min(1.0, progress / all_at)
    return min(levels, start + math.floor(share * (levels - start) + 1e-9))
