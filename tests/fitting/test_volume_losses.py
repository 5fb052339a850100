"""The volume to start from counts fully, then less, then not at all; and never more than fully."""

from __future__ import annotations

import pytest

from neurfield.config import load_config
from neurfield.fitting.volume_losses import _hold


@pytest.mark.parametrize(("alone", "until"), [(0.25, 0.0), (0.1, 0.4), (0.3, 0.3), (0.3, 0.2), (0.0, 0.5)])
def test_a_volume_never_counts_more_than_fully_nor_less_than_nothing(alone: float, until: float) -> None:
    config = load_config("neus")
    config.warm.alone, config.warm.until = alone, until  # also what no file may say
    held = [_hold(config, progress / 100.0) for progress in range(101)]
    assert all(0.0 <= h <= 1.0 for h in held) and held == sorted(held, reverse=True)
    assert held[0] == 1.0 and held[-1] == (1.0 if until == 0.0 else 0.0)
