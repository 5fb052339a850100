"""Random patches: alike when pixels are, otherwise less so the less they vary together."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from neurfield.losses.s3im import patch_ssim, s3im


def seen(rgb: Tensor, target: Tensor, compared: Tensor | None = None, seed: int = 0) -> Any:
    """What the loss looks at of a step."""
    return SimpleNamespace(
        pixels=SimpleNamespace(rgb=target),
        rendered=lambda label: SimpleNamespace(rgb=rgb),
        rays=SimpleNamespace(compared=compared),
        moment=SimpleNamespace(generator=torch.Generator().manual_seed(seed)),
    )


def colors(count: int, seed: int, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.rand(count, 3, generator=torch.Generator().manual_seed(seed), dtype=dtype)


@pytest.mark.parametrize("count", [16, 100, 1003])
def test_the_same_colours_cost_nothing(count: int) -> None:
    assert float(s3im(seen(colors(count, 0), colors(count, 0)))) == pytest.approx(0.0, abs=1e-5)


def test_other_colours_cost_and_negatives_cost_most() -> None:
    true = colors(512, 0)
    grey = torch.full_like(true, 0.5)
    near, far, negative = (float(s3im(seen(c, true))) for c in (0.9 * true + 0.05, grey, 1.0 - true))
    assert 0.0 < near < 0.1 < far < negative < 2.0


def test_the_gradient_is_that_of_its_values() -> None:
    true, other = colors(48, 0, torch.float64), colors(48, 1, torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(lambda c: s3im(seen(c, true), kernel=3, repeats=2), (other,))


def test_pixels_that_are_not_compared_ask_nothing() -> None:
    true, other = colors(64, 0), colors(64, 1).requires_grad_()
    compared = torch.arange(64) % 3 > 0
    s3im(seen(other, true, compared)).backward()
    assert other.grad is not None and not other.grad[~compared].any() and other.grad[compared].any()


def test_fewer_pixels_than_a_patch_ask_nothing() -> None:
    other = colors(15, 1).requires_grad_()
    loss = s3im(seen(other, colors(15, 0)))
    loss.backward()
    assert float(loss) == 0.0 and other.grad is not None and not other.grad.any()


def test_a_patch_is_one_window_of_ssim() -> None:
    a, b = colors(16, 2, torch.float64).view(1, 16, 3), colors(16, 3, torch.float64).view(1, 16, 3)
    window = torch.exp(-0.5 * ((torch.arange(4.0, dtype=torch.float64) - 1.5) / 1.5) ** 2)
    weight = torch.outer(window, window).view(16) / window.sum() ** 2
    wanted = []
    for x, y in zip(a[0].T, b[0].T):
        mx, my = (weight @ x), (weight @ y)
        vx, vy, cov = weight @ (x - mx) ** 2, weight @ (y - my) ** 2, weight @ ((x - mx) * (y - my))
        wanted.append((2 * mx * my + 1e-4) * (2 * cov + 9e-4) / ((mx**2 + my**2 + 1e-4) * (vx + vy + 9e-4)))
    torch.testing.assert_close(patch_ssim(a, b), torch.stack(wanted).mean())


def test_the_first_patches_are_in_the_order_of_the_pixels_and_take_part_whole() -> None:
    true, other = colors(53, 0), colors(53, 1).requires_grad_()
    loss = s3im(seen(other, true, seed=0), kernel=4, repeats=1)
    expected = 1.0 - patch_ssim(other[:48].view(3, 16, 3), true[:48].view(3, 16, 3))
    torch.testing.assert_close(loss, expected)
    loss.backward()
    assert other.grad is not None
    assert other.grad[:48].any(dim=1).all() and not other.grad[48:].any()  # 5 are no patch


def test_other_patches_are_drawn_anew_for_each_step() -> None:
    true, other = colors(160, 0), colors(160, 1)
    first, again, another = (float(s3im(seen(other, true, seed=s))) for s in (0, 0, 1))
    assert first == again and first != another
    ordered = [float(s3im(seen(other, true, seed=s), repeats=1)) for s in (0, 1)]
    assert ordered[0] == ordered[1] != first
