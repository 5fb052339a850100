"""Counted work against counting it another way."""

from __future__ import annotations

from benchmarks.work import gathers_a_point, interpolation_multiply_adds, network_work


def test_network_of_the_issue() -> None:
    work = network_work((35, 64, 64, 16))
    hidden, last = 35 * 64 + 64 * 64, 64 * 16
    assert work.outputs == hidden + last and work.gradient == hidden
    # Backward of an ordinary network: twice its forward; of the gradient's chain: tangents, weights.
    assert work.backward == 2 * (hidden + last) + 2 * hidden
    assert work.again == hidden + 64 * 64
    assert 80e3 < 2 * work.step < 90e3  # FLOP a point


def test_grid() -> None:
    assert gathers_a_point(16) == 128
    assert interpolation_multiply_adds(1, 2) == 2 * 7 + 3
