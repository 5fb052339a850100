"""Losses that pull places onto a cloud: by hand, and against all pairs."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from neurfield.losses import of_pulling
from neurfield.losses.seen import Seen
from neurfield.moment import Moment
from neurfield.points import AskedPoints


def asked(value: list[float], slope: list[list[float]], **columns: list[list[float]]) -> AskedPoints:
    known = {name: torch.tensor(rows) for name, rows in columns.items()}
    return AskedPoints(known, {}, torch.tensor(value), torch.tensor(slope))


def seen(**points: AskedPoints) -> Seen:
    return Seen(Moment(0, 0.0), None, None, points)


@pytest.mark.parametrize("sizes", [(7, 7), (1, 5), (1500, 1100)])
def test_chamfer_is_the_mean_of_both_ways(sizes: tuple[int, int]) -> None:
    generator = torch.Generator().manual_seed(0)
    one, other = (torch.randn(n, 3, generator=generator) for n in sizes)
    pairs = (one[:, None] - other[None]).norm(dim=2)
    expected = 0.5 * (pairs.amin(dim=1).mean() + pairs.amin(dim=0).mean())
    torch.testing.assert_close(of_pulling.chamfer(one, other), expected)


def test_places_that_reach_their_points_cost_nothing_and_others_how_far_they_end() -> None:
    place = [[0.0, 0.0, 0.3], [1.0, 0.0, -0.1]]
    target = [[0.0, 0.0, 0.0], [1.0, 0.0, 0.0]]
    up = [[0.0, 0.0, 2.0], [0.0, 0.0, -0.5]]
    right = seen(queries=asked([0.3, 0.1], up, place=place, target=target))
    assert float(of_pulling.pulled(right)) == pytest.approx(0.0, abs=1e-7)
    wrong = seen(queries=asked([0.1, 0.1], up, place=place, target=target))
    assert float(of_pulling.pulled(wrong)) == pytest.approx(0.1, abs=1e-6)


def test_level_sets_run_alike_and_far_ones_count_less() -> None:
    along, across = [[0.0, 0.0, 1.0]] * 2, [[0.0, 0.0, -2.0], [1.0, 0.0, 0.0]]
    zero = [[0.0] * 3] * 2

    def cost(value: list[float]) -> float:
        queries = asked(value, along, place=zero, target=zero)
        return float(
            of_pulling.level_sets(seen(queries=queries, pulled=asked([0.0, 0.0], across)), sharpness=5.0)
        )

    assert cost([0.0, 0.0]) == pytest.approx(0.5)  # the first runs alike, turned around or not
    assert cost([0.0, 0.2]) == pytest.approx(0.5 * math.exp(-1.0), rel=1e-5)


def test_gradients_point_to_the_cloud() -> None:
    place, target = [[0.0, 0.0, 0.5], [0.5, 0.0, 0.0]], [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]
    slope = [[0.0, 0.0, -3.0], [1.0, 0.0, 1.0]]
    found = of_pulling.towards_cloud(seen(queries=asked([0.5, 0.5], slope, place=place, target=target)))
    assert float(found) == pytest.approx(0.5 * (1.0 - math.sqrt(0.5)), rel=1e-5)


def test_all_of_them_teach_values_and_gradients() -> None:
    generator = torch.Generator().manual_seed(1)

    def random(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, requires_grad=True)

    value, slope, there = random(9), random(9, 3), random(9, 3)
    columns = {
        "place": torch.randn(9, 3, generator=generator),
        "target": torch.randn(9, 3, generator=generator),
    }
    look = seen(
        queries=AskedPoints(columns, {}, value, slope), pulled=AskedPoints({}, {}, torch.zeros(9), there)
    )
    of_pulling.pulled(look).backward()
    assert value.grad is not None and value.grad.abs().sum() > 0 and slope.grad is not None
    (of_pulling.level_sets(look) + of_pulling.towards_cloud(look)).backward()
    assert there.grad is not None and there.grad.abs().sum() > 0
