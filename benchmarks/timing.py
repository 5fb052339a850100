"""Seconds of a function, by its median."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Timing:
    """Median and extremes of a function's seconds."""

    median: float
    fastest: float
    slowest: float


def timed(function: Callable[[], Any], repeats: int = 7) -> Timing:
    """Time `function` after one call that does not count."""
    function()
    seconds = []
    for _ in range(repeats):
        started = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - started)
    return Timing(statistics.median(seconds), min(seconds), max(seconds))
