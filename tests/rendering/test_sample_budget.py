"""The number of rays follows what a ray takes, within bounds, and from one number alone."""

from __future__ import annotations

import pytest

from neurfield.rendering.sample_budget import SampleBudget


def test_a_step_comes_to_cost_the_budget_whatever_a_ray_takes() -> None:
    for per_ray in (4.0, 16.0, 70.0):
        budget = SampleBudget(16384, 1024)
        assert budget.rays() == 1024
        for _ in range(100):
            budget.count(budget.rays(), round(budget.rays() * per_ray))
        assert budget.rays() * per_ray == pytest.approx(16384, rel=0.02)


def test_rays_stay_within_bounds() -> None:
    budget = SampleBudget(16384, 1024)
    for _ in range(200):
        budget.count(budget.rays(), 0)
    assert budget.rays() == 8 * 1024
    for _ in range(200):
        budget.count(1, 100_000)
    assert budget.rays() == 1


def test_without_a_budget_the_number_is_fixed() -> None:
    budget = SampleBudget(0, 512)
    budget.count(512, 9999)
    assert budget.rays() == 512


def test_the_mean_is_all_that_has_to_be_kept() -> None:
    budget = SampleBudget(1000, 100)
    budget.count(100, 345)
    other = SampleBudget(1000, 100)
    other.samples_per_ray = budget.samples_per_ray
    assert other.rays() == budget.rays() != 100
