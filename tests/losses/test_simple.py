"""Colour, mask, eikonal and smoothness: zero where they should be, positive where not."""

from __future__ import annotations

import torch

from neurfield.losses.geometric import eikonal, normal_smoothness
from neurfield.losses.photometric import color_l1, mask_entropy


def test_colour_difference_is_absolute() -> None:
    target = torch.tensor([[0.0] * 3, [0.5] * 3, [1.0] * 3, [1.0] * 3])
    assert color_l1(torch.zeros(4, 3), target).item() == 0.625
    assert color_l1(target, target).item() == 0.0


def test_mask_entropy_prefers_the_mask() -> None:
    mask = torch.tensor([0.0, 1.0])
    assert (
        mask_entropy(mask, mask)
        < mask_entropy(torch.tensor([0.5, 0.5]), mask)
        < mask_entropy(1.0 - mask, mask)
    )


def test_unit_slopes_are_free() -> None:
    g = torch.nn.functional.normalize(torch.randn(64, 3, generator=torch.Generator().manual_seed(1)), dim=1)
    assert eikonal(g).item() < 1e-10
    assert abs(eikonal(2.0 * g).item() - 1.0) < 1e-5


def test_smoothness_looks_at_direction_only() -> None:
    g = torch.randn(64, 3, generator=torch.Generator().manual_seed(2))
    assert normal_smoothness(g, 3.0 * g).item() < 1e-3
    assert normal_smoothness(g, -g).item() > 1.9


def test_mask_entropy_does_not_count_what_is_not_known() -> None:
    opacity = torch.tensor([0.3, 0.9, 0.6], requires_grad=True)
    mask_entropy(opacity, torch.tensor([0.0, 1.0, 2.0])).backward()
    few = torch.tensor([0.3, 0.9], requires_grad=True)
    mask_entropy(few, torch.tensor([0.0, 1.0])).backward()
    assert opacity.grad is not None and few.grad is not None
    assert torch.allclose(opacity.grad, torch.cat([few.grad, torch.zeros(1)]))
