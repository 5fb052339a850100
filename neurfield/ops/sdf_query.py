"""One query of a hash-grid SDF: value, spatial gradient and features, with the backward of all three.

The composition hash grid -> network is differentiated by hand (the rule of NeuS2, Sec. 3.3, extended to
activations with curvature), so that one training step costs two passes over the network and one scatter into
the table, whatever the losses ask of the gradient.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from neurfield.ops import fused_mlp, hash_grid
from neurfield.ops.hash_grid import GridLayout


def sdf_query(
    points: Tensor,
    table: Tensor,
    weights: Sequence[Tensor],
    biases: Sequence[Tensor],
    layout: GridLayout,
    *,
    interpolation: str = "smoothstep",
    beta: float = 100.0,
    active_levels: int | None = None,
) -> tuple[Tensor, Tensor]:
    """Network outputs and the gradient of the first one (the SDF) with respect to the point.

    Args:
        points: [N, 3] in the unit frame, [-1, 1]^3 (outside is legal and wraps in the grid).
        table: flat hash table; weights, biases: of a softplus network whose inputs are the point and its grid
        features.

    Returns:
        outputs [N, O] and gradient [N, 3] = d outputs[:, 0] / d points; both differentiable once with respect
        to the table, the weights and the biases (not the points). The table's gradient is added into
        `table.grad` in place where that exists: a fresh dense gradient per step would cost more than the
        whole scatter.
    """
    return _SdfQuery.apply(
        points, table, layout, interpolation, beta, active_levels, len(weights), *weights, *biases
    )


def sdf_values(
    points: Tensor,
    table: Tensor,
    weights: Sequence[Tensor],
    biases: Sequence[Tensor],
    layout: GridLayout,
    *,
    interpolation: str = "smoothstep",
    beta: float = 100.0,
    active_levels: int | None = None,
) -> Tensor:
    """Network outputs [N, O] only, without derivatives: for marching, extraction and the occupancy grid."""
    with torch.no_grad():
        features = hash_grid.encode(points * 0.5 + 0.5, table.detach(), layout, interpolation, active_levels)
        inputs = torch.cat([points, features], dim=1)
        details = [w.detach() for w in weights], [b.detach() for b in biases]
        return fused_mlp.mlp_forward(inputs, *details, activation="softplus", beta=beta, gradient=False)[0]


class _SdfQuery(torch.autograd.Function):
    @staticmethod
    def forward(  # type: ignore[override]
        ctx: Any,
        points: Tensor,
        table: Tensor,
        layout: GridLayout,
        interpolation: str,
        beta: float,
        active_levels: int | None,
        n_layers: int,
        *parameters: Tensor,
    ) -> tuple[Tensor, Tensor]:
        weights = [p.detach() for p in parameters[:n_layers]]
        biases = [p.detach() for p in parameters[n_layers:]]
        in_cube = points.detach() * 0.5 + 0.5  # [N, 3] the grid's own coordinates
        features, jacobian = hash_grid.encode_with_jacobian(
            in_cube, table.detach(), layout, interpolation, active_levels
        )
        inputs = torch.cat([points.detach(), features], dim=1)  # [N, 3 + L F]
        outputs, slope = fused_mlp.mlp_forward(
            inputs, weights, biases, activation="softplus", beta=beta, gradient=True
        )  # [N, O], [N, 3 + L F]
        assert slope is not None  # asked for
        d_features = slope[:, 3:].contiguous()
        gradient = slope[:, :3] + 0.5 * hash_grid.jacobian_t_product(jacobian, d_features)
        ctx.save_for_backward(in_cube, inputs, jacobian, d_features, *weights, *biases)
        ctx.table, ctx.details = table, (layout, interpolation, beta, active_levels, n_layers)
        return outputs, gradient

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, d_outputs: Tensor, d_gradient: Tensor) -> tuple[Tensor | None, ...]:
        in_cube, inputs, jacobian, d_features, *parameters = ctx.saved_tensors
        layout, interpolation, beta, active_levels, n_layers = ctx.details
        weights, biases = parameters[:n_layers], parameters[n_layers:]
        tangent = 0.5 * d_gradient  # chain rule of the map into the grid's cube
        d_slope = torch.cat([d_gradient, hash_grid.jacobian_product(jacobian, tangent)], dim=1)
        d_inputs, d_weights, d_biases = fused_mlp.mlp_backward(
            inputs,
            weights,
            biases,
            activation="softplus",
            beta=beta,
            d_outputs=d_outputs.contiguous(),
            d_gradient=d_slope,
        )
        table = ctx.table
        into = table.grad if table.grad is not None else torch.zeros_like(table)
        hash_grid.accumulate_table_gradient(
            in_cube,
            d_inputs[:, 3:].contiguous(),
            tangent,
            d_features,
            into,
            layout,
            interpolation,
            active_levels,
        )
        d_table = None if table.grad is not None else into
        return None, d_table, None, None, None, None, None, *d_weights, *d_biases
