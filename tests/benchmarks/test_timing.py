"""Turns are fair, and a rate is work over seconds."""

from __future__ import annotations

import time

from benchmarks.timing import Timing, timed, timed_in_turns


def test_functions_take_turns() -> None:
    order: list[str] = []

    def function(name: str) -> None:
        order.append(name)
        time.sleep(0.005)

    found = timed_in_turns({name: lambda name=name: function(name) for name in ("a", "b")}, repeats=3)
    assert order[4:] == ["a", "b"] * 3
    assert list(found) == ["a", "b"] and all(
        0.005 <= t.fastest <= t.median <= t.slowest for t in found.values()
    )


def test_short_work_is_repeated_within_one_measurement() -> None:
    calls = []
    timed_in_turns({"short": lambda: calls.append(1)}, repeats=2)
    assert len(calls) > 20


def test_the_first_call_does_not_count() -> None:
    calls = []
    assert timed(lambda: calls.append(1), repeats=3).fastest >= 0.0
    assert len(calls) == 4


def test_rates_are_median_slowest_fastest() -> None:
    assert Timing(2.0, 1.0, 4.0).rates(8.0) == [4.0, 2.0, 8.0]
