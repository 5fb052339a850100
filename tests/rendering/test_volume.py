"""What a ray shows is made of its samples and of what is behind them, and of no more than that."""

from __future__ import annotations

import pytest
import torch

from neurfield.rendering.volume import before


@pytest.mark.parametrize("ended", [None, True, False])
@pytest.mark.parametrize("behind", [True, False])
def test_weights_sum_to_one_at_most(ended: bool | None, behind: bool) -> None:
    # In front of white everything that is white shows the sum of the weights.
    opacity = torch.linspace(0.0, 1.0, 51)
    white = torch.ones(51, 3)
    sensed = None if ended is None else torch.arange(51) % 2 == (0 if ended else 1)
    rgb = before(opacity[:, None] * white, opacity, white if behind else None, sensed)
    assert float(rgb.max()) <= 1.0 + 1e-6
    if behind:
        torch.testing.assert_close(rgb, white)


def test_a_ray_that_ends_at_its_depth_shows_what_it_saw_and_nothing_behind() -> None:
    red, green = torch.tensor([[1.0, 0.0, 0.0]]), torch.tensor([[0.0, 1.0, 0.0]])
    opacity = torch.tensor([0.4])
    ended = before(0.4 * red, opacity, green, torch.tensor([True]))
    torch.testing.assert_close(ended, red)
    others = before(0.4 * red, opacity, green, torch.tensor([False]))
    torch.testing.assert_close(others, 0.4 * red + 0.6 * green)
