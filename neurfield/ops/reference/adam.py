"""One step of Adam in plain torch."""

from __future__ import annotations

import torch
from torch import Tensor


def adam_step(
    parameter: Tensor,
    gradient: Tensor,
    first: Tensor,
    second: Tensor,
    step: int,
    learning_rate: float,
    beta1: float,
    beta2: float,
    eps: float,
    skip_zero: bool,
    clear_gradient: bool,
) -> None:
    """In place; see `neurfield.ops.adam.adam_step`."""
    with torch.no_grad():
        touched = gradient != 0 if skip_zero else torch.ones_like(gradient, dtype=torch.bool)
        first.copy_(torch.where(touched, torch.lerp(first, gradient, 1.0 - beta1), first))
        second.copy_(torch.where(touched, beta2 * second + (1.0 - beta2) * gradient**2, second))
        denominator = second.sqrt() / (1.0 - beta2**step) ** 0.5 + eps
        change = learning_rate / (1.0 - beta1**step) * first / denominator
        parameter.copy_(torch.where(touched, parameter - change, parameter))
        if clear_gradient:
            gradient.zero_()
