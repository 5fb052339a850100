"""One query of an SDF with any encoding: value, spatial gradient and features, and the backward of these.

The encoding is a function given by the caller and is differentiated by autograd, the network by hand as in
`sdf_query`; that one is faster and serves hash grids.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from neurfield.ops import composed_query, fused_mlp
from neurfield.ops.closed_forms import frequency
from neurfield.ops.eager import eager
from neurfield.ops.points import check_points

Encode = Callable[[Tensor], Tensor]  # features [N, F] of points [N, 3] in [0, 1]^3


@eager
def encoded_query(
    points: Tensor,
    encode: Encode,
    weights: Sequence[Tensor],
    biases: Sequence[Tensor],
    *,
    activation: str = "softplus",
    beta: float = 100.0,
    n_frequencies: int = 0,
    precision: str = "float32",
    row: Tensor | None = None,
    points_gradient: bool = False,
) -> tuple[Tensor, Tensor]:
    """Network outputs and the gradient of one of them (the SDF) with respect to the point.

    Args:
        points: [N, 3] in unit coordinates, [-1, 1]^3; `encode` sees 0.5 x + 0.5 and must be twice
            differentiable.
        weights, biases: of a network (as for `mlp`) whose inputs are the point, the waves of
            `n_frequencies` bands and the features.
        activation, beta, precision: as for `mlp`.
        row: [N] int64, per point the output whose gradient is asked for; None for the first. As for
            `sdf_query`.
        points_gradient: whether the points' own derivatives are wanted too.

    Returns:
        outputs [N, O] and gradient [N, 3] = d outputs[i, row[i]] / d points[i]; both differentiable once with
        respect to the network and whatever `encode` depends on (and to the points with
        `points_gradient`).

    Raises:
        ValueError: a shape, dtype, device or name does not fit; names the argument.
        UserError: a precision that the machine, or the kernels built for it, lack.
        RuntimeError: on differentiating a second time.
    """
    check_points("encoded_query", points, 3)
    if points_gradient:

        def see(points: Tensor) -> Tensor:
            return torch.cat([points, _seen(points, encode, n_frequencies)], dim=1)

        return composed_query.through(points, see, weights, biases, activation, beta, precision, row)
    keep = torch.is_grad_enabled()  # a backward may follow
    with torch.enable_grad():
        points = points.detach().requires_grad_()
        seen = _seen(points, encode, n_frequencies)
    inputs = torch.cat([points.detach(), seen], dim=1)
    outputs, slope = fused_mlp.mlp_with_gradient(inputs, weights, biases, activation, beta, precision, row)
    gradient = slope[:, :3]
    if seen.requires_grad:  # a silent encoding depends on nothing
        (through_seen,) = torch.autograd.grad(
            seen, points, slope[:, 3:], create_graph=keep, materialize_grads=True
        )
        gradient = gradient + through_seen
    return outputs, gradient


@eager
def encoded_outputs(
    points: Tensor,
    encode: Encode,
    weights: Sequence[Tensor],
    biases: Sequence[Tensor],
    *,
    activation: str = "softplus",
    beta: float = 100.0,
    n_frequencies: int = 0,
    precision: str = "float32",
) -> Tensor:
    """Network outputs [N, O] without the spatial gradient, for losses on values alone.

    Differentiable once with respect to the network, whatever `encode` depends on, and the points if `encode`
    is. Arguments and errors as for `encoded_query`.
    """
    check_points("encoded_outputs", points, 3)
    inputs = torch.cat([points, _seen(points, encode, n_frequencies)], dim=1)
    return fused_mlp.mlp(inputs, weights, biases, activation, beta, precision=precision)


@eager
@torch.no_grad()
def encoded_values(
    points: Tensor,
    encode: Encode,
    weights: Sequence[Tensor],
    biases: Sequence[Tensor],
    *,
    activation: str = "softplus",
    beta: float = 100.0,
    n_frequencies: int = 0,
) -> Tensor:
    """Network outputs [N, O] only, without derivatives; arguments and errors as for `encoded_query`."""
    check_points("encoded_values", points, 3)
    inputs = torch.cat([points, _seen(points, encode, n_frequencies)], dim=1)
    return fused_mlp.mlp_forward(inputs, weights, biases, activation=activation, beta=beta)[0]


def _seen(points: Tensor, encode: Encode, n_frequencies: int) -> Tensor:
    """What the network sees of points beside their coordinates."""
    if n_frequencies < 0:
        raise ValueError(f"encoded_query: 'n_frequencies' must not be negative, got {n_frequencies}")
    features = encode(points * 0.5 + 0.5)
    if n_frequencies == 0:
        return features
    return torch.cat([frequency(points, n_frequencies), features], dim=1)
