"""The field is to be negative behind where its opacity sees the surface."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from neurfield.losses.of_field import surface_bias
from neurfield.losses.seen import Seen
from neurfield.moment import Moment
from neurfield.rays import Samples

BEHIND, CLEAR = 5e-4, 0.01


def seen(sdf: Tensor, weights: list[float], counts: list[int], slope: float = -1.0) -> Seen:
    """Rays along z with these values and weights at their samples."""
    number = torch.tensor(counts)
    ray = torch.arange(len(counts)).repeat_interleave(number)
    packed = torch.stack([number.cumsum(0) - number, number], dim=1)
    down = torch.tensor([0.0, 0.0, 1.0])
    pixels: Any = SimpleNamespace(rays=SimpleNamespace(directions=down.expand(len(counts), 3)))
    of_rays: Any = SimpleNamespace(
        pixels=type("Pixels", (), {"__len__": lambda _: len(counts), "rays": pixels.rays})(),
        samples=Samples(ray, sdf, sdf, packed),
        answers=SimpleNamespace(sdf=sdf, gradient=slope * down.expand(len(sdf), 3)),
        passes={"surface": SimpleNamespace(weights=torch.tensor(weights))},
    )
    return Seen(Moment(0, 0.5), of_rays=of_rays)


def test_a_surface_that_is_seen_before_the_field_is_zero_is_pushed_there() -> None:
    sdf = torch.tensor([0.3, 0.05, -0.1]).requires_grad_()
    loss = surface_bias(seen(sdf, [0.1, 0.8, 0.1], [3]), behind=BEHIND, clear=CLEAR)
    assert loss.item() == pytest.approx(0.05)  # the step behind takes off what it asks for, at slope one
    loss.backward()
    torch.testing.assert_close(sdf.grad, torch.tensor([0.0, 1.0, 0.0]))


@pytest.mark.parametrize(
    ("values", "weights"),
    [
        ([0.3, 0.05, 0.01], [0.1, 0.8, 0.1]),  # it never enters
        ([0.3, 0.005, -0.1], [0.1, 0.8, 0.1]),  # it is not clear of the surface behind
        ([0.3, 0.05, -0.1], [0.1, 0.1, 0.8]),  # it is seen where it is negative
    ],
)
def test_other_rays_do_not_count(values: list[float], weights: list[float]) -> None:
    assert surface_bias(seen(torch.tensor(values), weights, [3])).item() == 0.0


def test_it_is_the_mean_over_all_rays_also_those_without_samples() -> None:
    sdf = torch.tensor([0.05, -0.1, 0.2, 0.3, 0.1, -0.2])
    loss = surface_bias(seen(sdf, [0.9, 0.1, 0.4, 0.6, 0.9, 0.1], [2, 0, 2, 2]))
    assert loss.item() == pytest.approx((0.05 + 0.1) / 4.0)
    assert surface_bias(seen(torch.zeros(0), [], [0, 0])).item() == 0.0
