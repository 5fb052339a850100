"""The machine's ceilings: plausible numbers, and refusals."""

from __future__ import annotations

import pytest

from neurfield.ops import native

module = native.module
pytestmark = pytest.mark.skipif(module is None, reason="no native kernels here")
SECONDS = 0.005


def test_rates_are_positive() -> None:
    assert module.measure_multiply_adds(SECONDS) > 1e6
    assert module.measure_gathers(1 << 16, SECONDS) > 1e5
    assert module.measure_streaming(1 << 16, SECONDS) > 1e6


def test_bf16_is_zero_or_a_rate() -> None:
    rate = module.measure_bf16_multiply_adds(SECONDS)
    assert rate == 0.0 or rate > 1e6


def test_odd_sizes_are_rounded_and_small_ones_refused() -> None:
    assert module.measure_gathers(16, SECONDS) > 0 and module.measure_gathers(100_001, SECONDS) > 0
    assert module.measure_streaming(4099, SECONDS) > 0
    with pytest.raises(ValueError, match="table_bytes"):
        module.measure_gathers(8, SECONDS)
    with pytest.raises(ValueError, match="array_bytes"):
        module.measure_streaming(0, SECONDS)
