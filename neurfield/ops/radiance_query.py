"""The colour of samples: texture, what the SDF knows of the place, and the view, through a tiny network.

The texture comes from a hash grid. In float32 one native call each way reads the samples that count by their
index, encodes and asks the network; elsewhere the same is composed of the single kernels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from neurfield.ops import fused_mlp, grid, native
from neurfield.ops.eager import eager
from neurfield.ops.grid import GridLayout
from neurfield.ops.grid_features import grid_features
from neurfield.ops.once import once
from neurfield.ops.sdf_query import WHY_ONCE
from neurfield.ops.table_gradient import place_for

__all__ = ["radiance_query", "shading_query"]


@eager
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
    precision: str = "float32",
    fused: bool | None = None,
    points_gradient: bool = False,
) -> Tensor:
    """Colours in [0, 1] of samples, after IDR (Yariv et al. 2020).

    Args:
        points: [N, 3] in unit coordinates, [-1, 1]^3.
        table: flat hash table of the texture, of the cube [0, 1]^3 into which the frame is mapped.
        weights, biases: of a ReLU network (as for `mlp`) with 3 outputs, whose inputs are, in this order, the
            texture, the feature, the normal and the view.
        feature: [N, F]. Slices of columns are taken as they are, of `normal` and `views` too.
        normal: [N, 3] unit vectors.
        views: [R, V] encoded view directions of rays, R = N where `rays` is None.
        rays: [N] int64, the row of `views` that each sample sees; None where every sample has its own. On a
            GPU nobody looks whether `rays` and `counted` are within bounds.
        counted: [M] int64, the samples whose colour is asked for, each once; None for all.
        active_levels: the grid's levels from this one on give zeros; None for all.
        precision: of the network's derivatives, "float32", "bfloat16" or "float16"; see `fused_mlp`.
        fused: None takes the fused kernel wherever it serves, False never.
        points_gradient: whether the points' derivatives are wanted too, as for refining poses. Slower: the
            kernels are composed.

    Returns:
        rgb [N, 3], zeros where not counted; differentiable once with respect to feature, normal, table,
        weights and biases (not to views; to the points with `points_gradient`). `loss.backward()` adds the
        table's gradient into `table.grad` in place where that exists.

    Raises:
        ValueError: a shape, dtype, device or number does not fit, or `fused` with `points_gradient`; names
            the argument.
        UserError: a precision that the machine, or the kernels built for it, lack.
        RuntimeError: on differentiating a second time.
    """
    _check(points, table, layout, interpolation, feature, normal, views, rays, counted)
    if len(weights[-1]) != 3:
        raise ValueError(f"radiance_query: the network must have 3 outputs, got {len(weights[-1])}")
    width = layout.output_dim + feature.shape[1] + 3 + views.shape[1]
    fused_mlp.check(points.new_empty(0, width), weights, biases, "relu", 1.0, "sigmoid", precision)
    indices = [t for t in (rays, counted) if t is not None]
    if points_gradient:
        if fused:
            raise ValueError("radiance_query: 'points_gradient' is composed, 'fused' must be None or False")
        fused = False
    if fused is None:
        tensors = points, table, *biases, feature, normal, views, *indices
        fused = fused_mlp.kernels_of(width, weights, *tensors) is not None
    how = (layout, interpolation, active_levels), precision
    if fused:
        network = (*weights, *biases)
        return _RadianceQuery.apply(
            points, table, feature, normal, views, rays, counted, how, torch.is_grad_enabled(), len(weights),
            *network,
        )  # fmt: skip
    samples = points, table, weights, biases, layout, feature, normal, views, rays, counted
    rgb = _composed(*samples, *how[0][1:], precision, points_gradient, "sigmoid")
    return rgb if counted is None else torch.zeros_like(points).index_copy(0, counted, rgb)


@eager
def shading_query(
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
    precision: str = "float32",
    points_gradient: bool = False,
) -> Tensor:
    """Any numbers of samples, [M, O], by the same inputs as `radiance_query`: those of the counted, or all.

    Composed of the single kernels. The network has any number of outputs, which are taken as they are.
    Arguments, derivatives and errors as for `radiance_query`.
    """
    _check(points, table, layout, interpolation, feature, normal, views, rays, counted)
    width = layout.output_dim + feature.shape[1] + 3 + views.shape[1]
    fused_mlp.check(points.new_empty(0, width), weights, biases, "relu", 1.0, "none", precision)
    samples = points, table, weights, biases, layout, feature, normal, views, rays, counted
    return _composed(*samples, interpolation, active_levels, precision, points_gradient, "none")


def _composed(
    points: Tensor,
    table: Tensor,
    weights: Sequence[Tensor],
    biases: Sequence[Tensor],
    layout: GridLayout,
    feature: Tensor,
    normal: Tensor,
    views: Tensor,
    rays: Tensor | None,
    counted: Tensor | None,
    interpolation: str,
    active_levels: int | None,
    precision: str,
    points_gradient: bool,
    output_activation: str,
) -> Tensor:
    """The network's outputs [M, O] at the counted samples, by single kernels."""
    rows = slice(None) if counted is None else counted
    seen = rows if rays is None else rays[rows]
    on_grid = (points[rows] * 0.5 + 0.5, table, layout)
    if points_gradient:
        texture = grid.grid_encode(*on_grid, interpolation, active_levels)
    else:
        texture = grid_features(*on_grid, interpolation=interpolation, active_levels=active_levels)
    inputs = torch.cat([texture, feature[rows], normal[rows], views[seen]], dim=1)
    network = weights, biases, "relu"
    return fused_mlp.mlp(inputs, *network, output_activation=output_activation, precision=precision)


class _RadianceQuery(torch.autograd.Function):
    @staticmethod
    def forward(  # type: ignore[override]
        ctx: Any,
        points: Tensor,
        table: Tensor,
        feature: Tensor,
        normal: Tensor,
        views: Tensor,
        rays: Tensor | None,
        counted: Tensor | None,
        how: tuple[tuple[GridLayout, str, int | None], str],
        keep: bool,
        n_layers: int,
        *parameters: Tensor,
    ) -> Tensor:
        ctx.table, ctx.details = table, (how, n_layers)
        rgb = points.new_empty(len(points), 3)
        network = parameters[:n_layers], parameters[n_layers:]
        kernels = native.kernels(points, table)
        arguments = _arguments(kernels, table, how, *network, points, feature, normal, views, rays, counted)
        kept = None
        if keep:
            samples = len(points) if counted is None else len(counted)
            kept = points.new_empty(kernels.radiance_query_keeps(parameters[0].shape[1], samples))
        kernels.radiance_query_forward(*arguments, rgb, kept)
        ctx.save_for_backward(points, feature, normal, views, rays, counted, kept, *parameters)
        return rgb

    @staticmethod
    @eager
    def backward(ctx: Any, d_rgb: Tensor) -> tuple[Tensor | None, ...]:
        how, n_layers = ctx.details
        saved = ctx.saved_tensors
        samples, kept = saved[:6], saved[6]
        weights, biases = saved[7 : 7 + n_layers], saved[7 + n_layers :]
        points, feature, table = samples[0], samples[1], ctx.table
        into, returned = place_for(table, ctx.needs_input_grad[1])
        d_feature, d_normal = points.new_empty(feature.shape), points.new_empty(len(points), 3)
        d_weights, d_biases = [w.new_empty(w.shape) for w in weights], [b.new_empty(b.shape) for b in biases]
        kernels = native.kernels(points, table)
        kernels.radiance_query_backward(
            *_arguments(kernels, table, how, weights, biases, *samples),
            kept,
            _rows(d_rgb),
            d_feature,
            d_normal,
            d_weights,
            d_biases,
            into,
        )
        d_table = once(into, WHY_ONCE) if returned else None
        found = [once(d, WHY_ONCE) for d in (d_feature, d_normal, *d_weights, *d_biases)]
        return None, d_table, found[0], found[1], *[None] * 6, *found[2:]


def _arguments(
    kernels: Any,
    table: Tensor,
    how: tuple[tuple[GridLayout, str, int | None], str],
    weights: Sequence[Tensor],
    biases: Sequence[Tensor],
    points: Tensor,
    feature: Tensor,
    normal: Tensor,
    views: Tensor,
    rays: Tensor | None,
    counted: Tensor | None,
) -> tuple[Any, ...]:
    shape = kernels.QueryShape(*grid.native_arguments(kernels, *how[0]), False, 0)
    network = fused_mlp.native_network(kernels, weights, biases, "relu", 1.0, how[1])
    indices = [None if t is None else t.contiguous() for t in (rays, counted)]
    rows = _rows(feature), _rows(normal), _rows(views)
    samples = kernels.QuerySamples(points.detach().contiguous(), *rows, *indices)
    return shape, table.detach().contiguous(), network, samples


def _rows(tensor: Tensor) -> Tensor:
    """The tensor as the kernel reads it: contiguous rows, however far apart."""
    tensor = tensor.detach()
    return tensor if tensor.stride(1) == 1 else tensor.contiguous()


def _check(
    points: Tensor,
    table: Tensor,
    layout: GridLayout,
    interpolation: str,
    feature: Tensor,
    normal: Tensor,
    views: Tensor,
    rays: Tensor | None,
    counted: Tensor | None,
) -> None:
    grid.check(points, table, layout, interpolation)
    for name, tensor, rows in (
        ("feature", feature, len(points)),
        ("normal", normal, len(points)),
        ("views", views, len(points) if rays is None else len(views)),
    ):
        if tensor.ndim != 2 or len(tensor) != rows or (name == "normal" and tensor.shape[1] != 3):
            wanted = f"[{rows}, {3 if name == 'normal' else 'any'}]"
            raise ValueError(f"radiance_query: '{name}' must be {wanted}, got {list(tensor.shape)}")
    for name, index in (("rays", rays), ("counted", counted)):
        if index is not None and (index.ndim != 1 or index.dtype != torch.int64):
            kind = f"{list(index.shape)} of {index.dtype}"
            raise ValueError(f"radiance_query: '{name}' must be [n] of torch.int64, got {kind}")
    if rays is not None and len(rays) != len(points):
        raise ValueError(f"radiance_query: 'rays' must have {len(points)} numbers, got {len(rays)}")
