"""The marching sampler: how wide its band is, when it looks where the surface is, and what of
it is kept."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from neurfield.moment import Moment
from neurfield.rendering.marched import SETTLING_STEPS, Marched

BOX = [-1.0] * 3 + [1.0] * 3


def sampler(**numbers: float) -> Marched:
    return Marched(BOX, torch.device("cpu"), occupancy_resolution=8, **numbers)  # type: ignore[arg-type]


def test_the_band_narrows_over_half_the_fit_and_bounds_the_width_of_guided_rays() -> None:
    marched = sampler(truncation=0.01, reach=5.0)
    bands = [marched.truncation(Moment(0, progress)) for progress in (0.0, 0.25, 0.5, 1.0)]
    assert bands == pytest.approx([0.04, 0.02, 0.01, 0.01])
    assert marched.widest(Moment(0, 0.25), guided=True) == pytest.approx(0.02 / 5.0)
    assert marched.widest(Moment(0, 0.25), guided=False) == math.inf


class Ball:
    """A field that counts the points it is asked of."""

    def __init__(self) -> None:
        self.asked = 0

    def sdf(self, points: Tensor) -> Tensor:
        self.asked += len(points)
        return points.norm(dim=1) - 0.5


def test_it_looks_at_all_cells_first_then_at_some_every_few_steps() -> None:
    marched, ball = sampler(occupancy_every=4), Ball()
    asked = []
    for since in range(9):
        before = ball.asked
        marched.look(ball, Moment(since, 0.0, since=since))  # type: ignore[arg-type]
        asked.append(ball.asked - before)
    assert asked[0] == 8**3 and 0 < asked[4] < 8**3 and 0 < asked[8] < 8**3
    assert not any(asked[i] for i in (1, 2, 3, 5, 6, 7))
    late = ball.asked
    marched.look(ball, Moment(0, 0.0, since=4 * SETTLING_STEPS))  # type: ignore[arg-type]
    assert 0 < ball.asked - late < asked[4]  # fewer once it only settles


def test_one_that_was_never_asked_looks_at_any_step() -> None:
    marched, ball = sampler(occupancy_every=16), Ball()
    marched.look(ball, Moment(7, 0.1, since=7))  # type: ignore[arg-type]
    assert ball.asked > 0 and marched.occupancy.asked


def test_what_is_kept_makes_another_go_on_alike() -> None:
    first, second = sampler(rays=100, samples=2000), sampler(rays=100, samples=2000)
    first.look(Ball(), Moment(0, 0.0))  # type: ignore[arg-type]
    first.budget.count(100, 900)
    second.load({name: tensor.clone() for name, tensor in first.state().items()})
    assert second.rays() == first.rays() != 100
    assert torch.equal(second.occupancy.values, first.occupancy.values) and second.occupancy.asked
