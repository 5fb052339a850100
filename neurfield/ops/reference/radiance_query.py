"""The colour of samples in plain torch: the specification of the fused kernel.

Differentiable as often as wanted.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from neurfield.ops.grid_layout import GridLayout
from neurfield.ops.reference import fused_mlp, grid


def radiance_query(
    points: Tensor,
    table: Tensor,
    weights: Sequence[Tensor],
    biases: Sequence[Tensor],
    layout: GridLayout,
    feature: Tensor,
    normal: Tensor,
    views: Tensor,
    *,
    rays: Tensor | None = None,
    counted: Tensor | None = None,
    interpolation: str = "linear",
    active_levels: int | None = None,
) -> Tensor:
    """Colours [N, 3]; see `neurfield.ops.radiance_query`."""
    rows = torch.arange(len(points), device=points.device) if counted is None else counted
    seen = rows if rays is None else rays[rows]
    texture = grid.encode(points[rows] * 0.5 + 0.5, table, layout, interpolation, active_levels)
    inputs = torch.cat([texture, feature[rows], normal[rows], views[seen]], dim=1)
    rgb, _ = fused_mlp.forward(inputs, weights, biases, "relu", 1.0, "sigmoid", False)
    return torch.zeros_like(points).index_copy(0, rows, rgb)
