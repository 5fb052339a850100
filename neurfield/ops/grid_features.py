"""Hash-grid features for a training loop: differentiable by the table only, in place."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from neurfield.ops import grid
from neurfield.ops.eager import eager
from neurfield.ops.grid import GridLayout
from neurfield.ops.native import refuse_transforms
from neurfield.ops.table_gradient import place_for


@eager
def grid_features(
    points: Tensor,
    table: Tensor,
    layout: GridLayout,
    *,
    interpolation: str = "linear",
    active_levels: int | None = None,
) -> Tensor:
    """Features [N, levels * features] of points [N, 3] in [0, 1]^3; no derivative by the points.

    Where `table.grad` exists `loss.backward()` adds the gradient into it in place, as in `sdf_query`: a fresh
    dense gradient per step would cost more than the scatter. `grid_encode` is the op with every derivative.
    """
    refuse_transforms()
    return _GridFeatures.apply(points, table, layout, interpolation, active_levels)


class _GridFeatures(torch.autograd.Function):
    @staticmethod
    def forward(  # type: ignore[override]
        ctx: Any,
        points: Tensor,
        table: Tensor,
        layout: GridLayout,
        interpolation: str,
        active_levels: int | None,
    ) -> Tensor:
        points = points.detach()
        ctx.save_for_backward(points)
        ctx.table, ctx.how = table, (layout, interpolation, active_levels)
        return grid.encode(points, table.detach(), *ctx.how)

    @staticmethod
    @eager
    @once_differentiable
    def backward(ctx: Any, d_features: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        (points,) = ctx.saved_tensors
        table = ctx.table
        into, returned = place_for(table, ctx.needs_input_grad[1])
        grid.accumulate_table_gradient(points, d_features.contiguous(), None, None, into, *ctx.how)
        return None, into if returned else None, None, None, None
