"""A tiny network's value, spatial gradient, and the backward of both, in plain torch: the specification.

Differentiable as often as torch allows, on any device and in any dtype; with `precision="bfloat16"` once, and
then with the roundings of the native kernels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor


def forward(
    inputs: Tensor,
    weights: Sequence[Tensor],
    biases: Sequence[Tensor],
    activation: str,
    beta: float,
    output_activation: str,
    gradient: bool,
    precision: str = "float32",
    row: Tensor | None = None,
) -> tuple[Tensor, Tensor | None]:
    """Outputs [N, O] and, if asked for, d outputs[i, row[i]] / d inputs[i] [N, D], layer by layer.

    `row` None asks for the first output.
    """
    rounded = precision == "bfloat16"
    a, slopes = inputs, []
    for weight, bias in zip(weights[:-1], biases[:-1]):
        if rounded:
            z = _Product.apply(a, weight, False) + _RoundBackward.apply(bias.expand(len(a), -1))
        else:
            z = F.linear(a, weight, bias)
        if activation == "softplus":
            # Not F.softplus: it turns into the identity at beta z = 20, a step in its derivatives.
            a = torch.logaddexp(beta * z, torch.zeros_like(z)) / beta
            slopes.append(torch.sigmoid(beta * z))
        else:
            a = F.relu(z)
            slopes.append((z > 0).to(z.dtype))
    if rounded:
        outputs = _Product.apply(a, weights[-1], False) + biases[-1]
    else:
        outputs = F.linear(a, weights[-1], biases[-1])
    if output_activation == "sigmoid":
        outputs = torch.sigmoid(outputs)
    if not gradient:
        return outputs, None
    pulled = weights[-1][0].expand(inputs.shape[0], -1) if row is None else weights[-1][row]
    if rounded:
        pulled = _RoundBackward.apply(pulled)
    for weight, slope in zip(reversed(weights[:-1]), reversed(slopes)):
        pulled = slope * pulled
        pulled = _Product.apply(pulled, weight.T, True) if rounded else pulled @ weight
    return outputs, pulled


def backward(
    inputs: Tensor,
    weights: Sequence[Tensor],
    biases: Sequence[Tensor],
    activation: str,
    beta: float,
    output_activation: str,
    d_outputs: Tensor,
    d_gradient: Tensor | None,
    precision: str = "float32",
    row: Tensor | None = None,
) -> tuple[Tensor, list[Tensor], list[Tensor]]:
    """Gradients for the inputs, weights and biases, by differentiating `forward`."""
    n = len(weights)
    leaves = [t.detach().requires_grad_() for t in (inputs, *weights, *biases)]
    with torch.enable_grad():
        outputs, gradient = forward(
            leaves[0],
            leaves[1 : n + 1],
            leaves[n + 1 :],
            activation,
            beta,
            output_activation,
            d_gradient is not None,
            precision,
            row,
        )
        values = [outputs] if gradient is None else [outputs, gradient]
        adjoints = [d_outputs] if d_gradient is None else [d_outputs, d_gradient]
        found = torch.autograd.grad(values, leaves, adjoints)
    return found[0], list(found[1 : n + 1]), list(found[n + 1 :])


def _rounded(x: Tensor) -> Tensor:
    return x.to(torch.bfloat16).to(x.dtype)


class _Product(torch.autograd.Function):
    """a [N, K] @ weight [M, K]^T, whose derivatives are products of factors rounded to bfloat16.

    So is the value if `round_value`.
    """

    @staticmethod
    def forward(ctx: Any, a: Tensor, weight: Tensor, round_value: bool) -> Tensor:  # type: ignore[override]
        ctx.save_for_backward(a, weight)
        return _rounded(a) @ _rounded(weight).T if round_value else a @ weight.T

    @staticmethod
    def backward(ctx: Any, adjoint: Tensor) -> tuple[Tensor, Tensor, None]:
        a, weight = (_rounded(t) for t in ctx.saved_tensors)
        adjoint = _rounded(adjoint)
        return adjoint @ weight, adjoint.T @ a, None


class _RoundBackward(torch.autograd.Function):
    """The identity, through which adjoints come rounded to bfloat16."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:  # type: ignore[override]
        return x.clone()

    @staticmethod
    def backward(ctx: Any, adjoint: Tensor) -> Tensor:
        return _rounded(adjoint)
