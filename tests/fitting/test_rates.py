"""Learning rates between the ends of their schedule, and what they do."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from neurfield.fitting.optimizer import Adam
from neurfield.fitting.schedule import learning_rate_factor
from neurfield.moment import active_levels, geometric
from tests.fitting.test_optimizer import _groups, _loss, _network


def test_rates_between_the_ends() -> None:
    assert learning_rate_factor(24, 1000, 50, 0.1) == pytest.approx(0.5)
    assert learning_rate_factor(525, 1000, 50, 0.1) == pytest.approx(0.55)  # half-way down the cosine
    assert learning_rate_factor(50 + 950 // 4, 1000, 50, 0.0) == pytest.approx(0.853, abs=2e-3)
    assert geometric(0.04, 0.0025, 2.0) == pytest.approx(0.0025) and geometric(0.04, 0.0025, -1.0) == 0.04
    assert active_levels(4, 12, 0.25, 0.5) == 8


def test_the_factor_scales_every_rate_and_gradients_are_forgotten() -> None:
    moved = []
    for factor in (1.0, 0.25):
        network, table = _network(), nn.Parameter(torch.ones(20))
        optimizer = Adam(_groups(network, table))
        before = [p.detach().clone() for p in (*network.parameters(), table)]
        _loss(network, table).backward()
        optimizer.step(1, factor)
        moved.append([p.detach() - b for p, b in zip((*network.parameters(), table), before)])
        _loss(network, table).backward()
        optimizer.clear()
        assert not any(p.grad.any() for p in (*network.parameters(), table))
    for whole, quarter in zip(*moved):
        torch.testing.assert_close(quarter, 0.25 * whole, rtol=1e-3, atol=1e-7)
    # The first step of Adam is as long as the rate, each group its own.
    assert abs(moved[0][-1]).max().item() == pytest.approx(1e-1, rel=1e-3)
    assert max(abs(part).max().item() for part in moved[0][:-1]) == pytest.approx(1e-2, rel=1e-3)


def test_a_table_stands_still_without_a_gradient_and_a_network_goes_on() -> None:
    network, table = _network(), nn.Parameter(torch.ones(20))
    optimizer = Adam(_groups(network, table))
    _loss(network, table).backward()
    optimizer.step(1, 1.0)
    before = [p.detach().clone() for p in (*network.parameters(), table)]
    optimizer.step(2, 1.0)  # all gradients are zero now
    after = [p.detach() for p in (*network.parameters(), table)]
    assert torch.equal(before[-1], after[-1])
    assert all((a != b).any() for a, b in zip(after[:-1], before[:-1]))
