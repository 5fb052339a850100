"""Schedules start, move and end where they say."""

from __future__ import annotations

from itertools import pairwise

import pytest

from neurfield.fitting.schedule import learning_rate_factor
from neurfield.moment import active_levels, geometric


def test_learning_rate_warms_up_and_comes_down() -> None:
    factors = [learning_rate_factor(step, 1000, 50, 0.1) for step in range(1001)]
    assert factors[0] == 1 / 50 and factors[50] == 1.0
    assert factors[50:] == sorted(factors[50:], reverse=True)
    assert factors[1000] == pytest.approx(0.1)


def test_geometric_has_equal_factors() -> None:
    a, b, c = (geometric(0.04, 0.0025, p) for p in (0.0, 0.5, 1.0))
    assert a == 0.04 and c == pytest.approx(0.0025) and a / b == pytest.approx(b / c)


def test_levels_arrive_one_at_a_time() -> None:
    seen = [active_levels(4, 12, p / 100, 0.5) for p in range(101)]
    assert seen[0] == 4 and seen[50] == seen[100] == 12
    assert all(b - a in (0, 1) for a, b in pairwise(seen))
    assert active_levels(4, 12, 0.0, 0.0) == 12


def test_learning_rate_may_fall_by_equal_factors() -> None:
    factors = [learning_rate_factor(step, 100, 0, 0.1, "exponential") for step in range(101)]
    assert factors[0] == 1.0 and factors[100] == pytest.approx(0.1)
    assert all(b / a == pytest.approx(factors[1]) for a, b in pairwise(factors))
