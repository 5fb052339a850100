"""A tiny network's value, spatial gradient, and the backward of both, in plain torch: the specification.

Differentiable as often as torch allows, on any device and in any dtype.
"""

from __future__ import annotations

from collections.abc import Sequence

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
) -> tuple[Tensor, Tensor | None]:
    """Outputs [N, O] and, if asked for, d outputs[:, 0] / d inputs [N, D], written out layer by layer."""
    a, slopes = inputs, []
    for weight, bias in zip(weights[:-1], biases[:-1]):
        z = F.linear(a, weight, bias)
        if activation == "softplus":
            # Not F.softplus: it turns into the identity at beta z = 20, a step in its derivatives.
            a = torch.logaddexp(beta * z, torch.zeros_like(z)) / beta
            slopes.append(torch.sigmoid(beta * z))
        else:
            a = F.relu(z)
            slopes.append((z > 0).to(z.dtype))
    outputs = F.linear(a, weights[-1], biases[-1])
    if output_activation == "sigmoid":
        outputs = torch.sigmoid(outputs)
    if not gradient:
        return outputs, None
    pulled = weights[-1][0].expand(inputs.shape[0], -1)
    for weight, slope in zip(reversed(weights[:-1]), reversed(slopes)):
        pulled = (slope * pulled) @ weight
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
        )
        values = [outputs] if gradient is None else [outputs, gradient]
        adjoints = [d_outputs] if d_gradient is None else [d_outputs, d_gradient]
        found = torch.autograd.grad(values, leaves, adjoints)
    return found[0], list(found[1 : n + 1]), list(found[n + 1 :])
