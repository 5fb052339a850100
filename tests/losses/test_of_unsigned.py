"""What is asked of a distance without a sign: slope one away from its surface, sheets, and little surface."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from neurfield.losses.of_unsigned import eikonal_apart, smooth_unsigned, sparse
from neurfield.losses.seen import Seen
from neurfield.moment import Moment
from neurfield.points import AskedPoints


def seen(
    sdf: list[float], slopes: list[float], uniform: tuple[list[float], list[float]] | None = None
) -> Seen:
    """Samples with values and gradients of such lengths, and perhaps points anywhere."""

    def gradient(lengths: list[float]) -> Tensor:
        return torch.tensor(lengths)[:, None] * torch.tensor([[0.6, 0.0, 0.8]])

    answers = SimpleNamespace(sdf=torch.tensor(sdf).requires_grad_(), gradient=gradient(slopes))
    rays: Any = SimpleNamespace(answers=answers)
    points = {}
    if uniform is not None:
        value = torch.tensor(uniform[0]).requires_grad_()
        points["uniform"] = AskedPoints({}, {}, value, gradient(uniform[1]))
    return Seen(Moment(0, 0.5), points=points, of_rays=rays)


def test_slopes_count_where_the_surface_is_not() -> None:
    on_rays = seen([0.0002, 0.001, 0.02], [5.0, 0.0, 3.0])
    assert float(eikonal_apart(on_rays)) == pytest.approx(4.0)
    assert float(eikonal_apart(on_rays, beyond=0.0005)) == pytest.approx(2.5)
    assert float(eikonal_apart(seen([0.02], [3.0], ([0.1, 0.001], [1.0, 9.0])))) == pytest.approx(2.0)
    assert float(eikonal_apart(seen([0.0], [3.0]))) == pytest.approx(4.0)  # in what nothing has hollowed out
    assert float(eikonal_apart(seen([0.001], [7.0]))) == 0.0
    assert float(eikonal_apart(seen([], []))) == 0.0


def test_the_two_sides_of_a_sheet_are_smooth_and_a_crease_is_not() -> None:
    here = torch.tensor([[0.0, 0.0, 1.0], [0.0, 0.0, 2.0], [0.0, 0.0, 1.0]])
    for beside, expected in (([0.0, 0.0, 1.0], 0.0), ([0.0, 0.0, -3.0], 0.0), ([0.0, 1.0, 0.0], 2.0**0.5)):
        pairs = here, torch.tensor([beside] * 3)
        found = smooth_unsigned(Seen(Moment(0, 0.5), pairs=pairs))
        assert float(found) == pytest.approx(expected, abs=1e-5)


def test_what_is_zero_is_pushed_up_and_what_is_far_is_left_alone() -> None:
    look = seen([], [], ([0.0, 0.01, 1.0], [1.0, 1.0, 1.0]))
    loss = sparse(look, reach=0.01)
    assert float(loss.detach()) == pytest.approx((1.0 + 2.718281828**-1) / 3.0)
    (by_value,) = torch.autograd.grad(loss, look.points["uniform"].value)
    assert float(by_value[0]) == pytest.approx(-100.0 / 3.0) and by_value[0] < by_value[1] < 0.0
    assert float(by_value[2].abs()) < 1e-6
    assert float(sparse(look, after=0.6).detach()) == 0.0 < float(sparse(look, after=0.5).detach())
