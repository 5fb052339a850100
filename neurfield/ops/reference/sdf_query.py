"""A whole field query in plain torch: the specification of the fused kernels.

Differentiable as often as wanted.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from neurfield.ops.grid_layout import GridLayout
from neurfield.ops.reference import fused_mlp, grid


def frequency_features(points: Tensor, n_frequencies: int) -> Tensor:
    """[N, 6 n]: per k = 0 .. n-1, sin(2^k pi x) of the three axes, then cos(2^k pi x)."""
    angles = [points * (math.pi * 2.0**k) for k in range(n_frequencies)]
    columns = [wave for angle in angles for wave in (torch.sin(angle), torch.cos(angle))]
    return torch.cat(columns, dim=1) if columns else points.new_empty(len(points), 0)


def sdf_query(
    points: Tensor,
    table: Tensor,
    weights: Sequence[Tensor],
    biases: Sequence[Tensor],
    layout: GridLayout,
    *,
    interpolation: str = "smoothstep",
    activation: str = "softplus",
    beta: float = 100.0,
    active_levels: int | None = None,
    coordinates: bool = True,
    n_frequencies: int = 0,
    row: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Outputs [N, O] and the gradient [N, 3] of those of `row` [N]; see `neurfield.ops.sdf_query`."""
    points = points.detach().requires_grad_()
    features = grid.encode(points * 0.5 + 0.5, table, layout, interpolation, active_levels)
    columns = [points] if coordinates else []
    inputs = torch.cat([*columns, frequency_features(points, n_frequencies), features], dim=1)
    outputs, _ = fused_mlp.forward(inputs, weights, biases, activation, beta, "none", False)
    asked = outputs[:, 0] if row is None else outputs.gather(1, row[:, None])
    (gradient,) = torch.autograd.grad(asked.sum(), points, create_graph=True)
    return outputs, gradient
