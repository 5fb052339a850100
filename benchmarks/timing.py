"""Seconds of functions, by their medians: of one alone, or of several that are compared, in turns."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

LEAST_SECONDS = 0.004  # of one measurement: shorter work is repeated within it, against the clock's grain


@dataclass(frozen=True)
class Timing:
    """Median and extremes of a function's seconds."""

    median: float
    fastest: float
    slowest: float

    def rates(self, count: float) -> list[float]:
        """Median, slowest and fastest rate at `count` units of work a call."""
        return [count / self.median, count / self.slowest, count / self.fastest]


def timed(function: Callable[[], Any], repeats: int = 7) -> Timing:
    """Time `function` after one call that does not count."""
    function()
    return _timing([_seconds(function, 1) for _ in range(repeats)])


def timed_in_turns(functions: Mapping[str, Callable[[], Any]], repeats: int = 7) -> dict[str, Timing]:
    """Time several functions, each once a round: a busy neighbour slows all of them alike.

    Each is called twice beforehand; the second call decides how many calls make up one measurement.
    """
    calls = {}
    for name, function in functions.items():
        function()
        calls[name] = max(1, math.ceil(LEAST_SECONDS / max(_seconds(function, 1), 1e-7)))
    seconds: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(repeats):
        for name, function in functions.items():
            seconds[name].append(_seconds(function, calls[name]))
    return {name: _timing(values) for name, values in seconds.items()}


def _seconds(function: Callable[[], Any], calls: int) -> float:
    started = time.perf_counter()
    for _ in range(calls):
        function()
    return (time.perf_counter() - started) / calls


def _timing(seconds: list[float]) -> Timing:
    return Timing(statistics.median(seconds), min(seconds), max(seconds))
