"""Derivatives that must not be differentiated again."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


class _FirstOrder(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, derivative: Tensor, why_not: str) -> Tensor:  # type: ignore[override]
        ctx.why_not = why_not
        return derivative.view_as(derivative)

    @staticmethod
    def backward(ctx: Any, _: Tensor) -> tuple[Tensor, None]:
        raise RuntimeError(ctx.why_not)


def once(derivative: Tensor, why_not: str) -> Tensor:
    """Under `create_graph=True`, marks a derivative so that differentiating it again raises `why_not`.

    torch's `once_differentiable` does not serve: where the incoming adjoint is a constant, as after `.sum()`,
    it returns a plain constant, and an eikonal loss built on it would silently train nothing.
    """
    return _FirstOrder.apply(derivative.requires_grad_(), why_not) if torch.is_grad_enabled() else derivative
