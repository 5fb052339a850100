"""Losses of a network that is asked several times, by hand."""

from __future__ import annotations

import math

import pytest
import torch

from neurfield.fields import IterativeField
from neurfield.losses.of_iterations import SmallParameters, iterated_sides, slope_hinge
from neurfield.losses.seen import Seen
from neurfield.moment import Moment
from neurfield.points import AskedPoints


def seen(logits: torch.Tensor, outside: list[float], slope: torch.Tensor | None = None) -> Seen:
    points = AskedPoints(
        {"outside": torch.tensor(outside)}, {}, logits[:, -1], slope, heads={"iterations": logits}
    )
    return Seen(Moment(0, 0.0), points={"refined": points})


def test_every_iteration_is_to_know_the_side() -> None:
    logits = torch.tensor([[0.0, -2.0], [1.0, 3.0]])
    by_hand = (
        math.log(2.0) + math.log1p(math.exp(-2.0)) + math.log1p(math.exp(-1.0)) + math.log1p(math.exp(-3.0))
    ) / 4
    assert iterated_sides(seen(logits, [0.0, 1.0])).item() == pytest.approx(by_hand)
    assert iterated_sides(seen(logits, [1.0, 0.0])) > iterated_sides(seen(logits, [0.0, 1.0]))
    on = iterated_sides(seen(torch.zeros(2, 2), [0.5, 0.5]))
    assert on.item() == pytest.approx(math.log(2.0))
    assert (
        iterated_sides(seen(torch.full((2, 2), 0.4), [0.5, 0.5]))
        > on
        < iterated_sides(seen(torch.full((2, 2), -0.4), [0.5, 0.5]))
    )
    assert iterated_sides(seen(logits.double(), [0.0, 1.0])).dtype == torch.float64


def test_slopes_are_free_up_to_the_hinge() -> None:
    slope = torch.tensor([[60.0, 80.0, 0.0], [0.0, 0.0, 130.0], [3.0, 0.0, 0.0]], requires_grad=True)
    asked = seen(torch.zeros(3, 2), [0.0] * 3, slope)
    loss = slope_hinge(asked)
    assert loss.item() == pytest.approx(30.0 / 3)
    assert slope_hinge(asked, steepest=90.0).item() == pytest.approx((10.0 + 40.0) / 3)
    loss.backward()
    assert slope.grad is not None
    assert slope.grad.tolist() == [[0.0] * 3, [0.0, 0.0, pytest.approx(1 / 3)], [0.0] * 3]


def test_small_parameters_pull_each_by_itself() -> None:
    field = IterativeField(2, (8,), 2, 2)
    loss = SmallParameters(field)(seen(torch.zeros(1, 2), [0.0]))
    loss.backward()
    for parameter in field.parameters():
        assert torch.allclose(parameter.grad, parameter)  # type: ignore[arg-type]
