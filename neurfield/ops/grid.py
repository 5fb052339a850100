"""Multiresolution grids: features of points in 2-D to 4-D, twice differentiable.

A `GridLayout` makes it the hash grid (Müller et al. 2022, as tiny-cuda-nn lays it out), a `SimplexLayout` the
simplex grid (Wen and Yang, arXiv 2311.15439). `grid_encode` is the op with autograd. The functions under it
work on plain values, natively for float32 on the CPU and on GPUs, by the torch reference elsewhere; a fused
query builds on them.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from neurfield.ops import native
from neurfield.ops.eager import eager
from neurfield.ops.grid_layout import GridLayout
from neurfield.ops.points import check_points
from neurfield.ops.reference import grid as reference

__all__ = [
    "INTERPOLATIONS",
    "GridLayout",
    "accumulate_table_gradient",
    "check",
    "encode",
    "encode_with_jacobian",
    "grid_encode",
    "jacobian_product",
    "jacobian_t_product",
    "native_arguments",
]

INTERPOLATIONS = ("linear", "smoothstep")


@eager
def grid_encode(
    points: Tensor,
    table: Tensor,
    layout: GridLayout,
    interpolation: str = "linear",
    active_levels: int | None = None,
) -> Tensor:
    """Features of points, differentiable twice with respect to the points and the table.

    Args:
        points: [N, D], meant for [0, 1]^D; others are legal and wrap around or hash.
        table: [layout.n_parameters], level by level, entry by entry, the features of an entry side by side.
        interpolation: "linear", or "smoothstep" whose derivatives are continuous across cells (in the simplex
            grid across those of its lattice, not between the simplices of one).
        active_levels: levels from this one on give exact zeros (coarse to fine); None for all.

    Returns:
        [N, levels * features], the coarsest level first.

    Raises:
        ValueError: a shape, a type or the interpolation is wrong, or a point is not finite.

    Example:
        >>> layout = GridLayout(levels=4, features=2, log2_table_size=12, base_resolution=8)
        >>> table = torch.zeros(layout.n_parameters, requires_grad=True)
        >>> grid_encode(torch.rand(5, 3), table, layout, "smoothstep").shape
        torch.Size([5, 8])
    """
    check(points, table, layout, interpolation)
    if not native.serves(points, table):
        return reference.encode(points, table, layout, interpolation, active_levels)
    how = (layout, interpolation, active_levels)
    along_points = points.requires_grad and torch.is_grad_enabled()
    if not along_points:
        return _Encode.apply(points, table, encode(points, table, *how), *how)
    values, jacobian = encode_with_jacobian(points, table, *how)
    return _AlongPoints.apply(_Encode.apply(points, table, values, *how), points, table, jacobian, *how)


@eager
def encode(
    points: Tensor,
    table: Tensor,
    layout: GridLayout,
    interpolation: str = "linear",
    active_levels: int | None = None,
) -> Tensor:
    """Features [N, levels * features], no derivatives: `grid_encode` for marching and extraction."""
    if not native.serves(points, table):
        with torch.no_grad():
            return reference.encode(points, table, layout, interpolation, active_levels)
    features = points.new_empty(len(points), layout.output_dim)
    _kernel("encode", layout, interpolation, active_levels, points, table, features, None)
    return features


@eager
def encode_with_jacobian(
    points: Tensor,
    table: Tensor,
    layout: GridLayout,
    interpolation: str = "linear",
    active_levels: int | None = None,
) -> tuple[Tensor, Tensor]:
    """Features [N, levels * features] and their jacobian with respect to the points.

    The jacobian is meant for `jacobian_product` and `jacobian_t_product` alone. Its layout is the maker's: of
    the reference [N, D, levels * features], of the kernels [tiles, levels, D, features * lanes].
    """
    if not native.serves(points, table):
        return reference.encode_with_jacobian(points, table, layout, interpolation, active_levels)
    lanes = native.kernels(points).grid_lanes
    features = points.new_empty(len(points), layout.output_dim)
    jacobian = points.new_empty(
        -(-len(points) // lanes), layout.levels, layout.dimensions, layout.features * lanes
    )
    _kernel("encode", layout, interpolation, active_levels, points, table, features, jacobian)
    return features, jacobian


@eager
def jacobian_t_product(jacobian: Tensor, cotangent: Tensor) -> Tensor:
    """[N, D]: the gradient of the points from that of their features, `cotangent` [N, levels * features]."""
    if jacobian.ndim == 3:
        return torch.matmul(jacobian, cotangent.unsqueeze(2)).squeeze(2)
    out = cotangent.new_empty(len(cotangent), jacobian.shape[2])
    native.kernels(jacobian, cotangent).grid_jacobian_t_product(
        jacobian, cotangent.detach().contiguous(), out
    )
    return out


@eager
def jacobian_product(jacobian: Tensor, tangent: Tensor) -> Tensor:
    """[N, levels * features]: the change of the features as the points move along `tangent` [N, D]."""
    if jacobian.ndim == 3:
        return torch.matmul(tangent.unsqueeze(1), jacobian).squeeze(1)
    kernels = native.kernels(jacobian, tangent)
    _, levels, _, lanes_by_features = jacobian.shape
    out = tangent.new_empty(len(tangent), levels * lanes_by_features // kernels.grid_lanes)
    kernels.grid_jacobian_product(jacobian, tangent.detach().contiguous(), out)
    return out


@eager
def accumulate_table_gradient(
    points: Tensor,
    d_features: Tensor | None,
    tangent: Tensor | None,
    d_value_gradient: Tensor | None,
    table_gradient: Tensor,
    layout: GridLayout,
    interpolation: str = "linear",
    active_levels: int | None = None,
) -> None:
    """Add w * d_features + (grad w . tangent) * d_value_gradient to each vertex's entry, w being its weight.

    The first term is the gradient through the features, the second that through their spatial derivatives
    (NeuS2, Sec. 3.3); one pass serves both. On the CPU the result does not depend on the number of threads;
    a GPU adds in no order, and its last bits differ from run to run.

    Args:
        points, tangent: [N, D].
        d_features, d_value_gradient: [N, levels * features]; the latter comes with `tangent` or not at all.
        table_gradient: [layout.n_parameters], contiguous, changed in place.
    """
    how = (layout, interpolation, active_levels)
    if not native.serves(points, table_gradient):
        reference.accumulate_table_gradient(
            points, d_features, tangent, d_value_gradient, table_gradient, *how
        )
        return
    if not table_gradient.is_contiguous():
        raise ValueError(
            "accumulate_table_gradient: table_gradient is written in place, it must be contiguous"
        )
    _kernel("scatter", *how, points, d_features, tangent, d_value_gradient, table_gradient)


# The derivatives by the points and by the table are nodes of their own in the graph, as are those of second
# order: autograd runs a node whole or not at all, and a gradient along the points must not cost a scatter.


class _Encode(torch.autograd.Function):
    """Features, as a function of the table."""

    @staticmethod
    def forward(ctx: Any, points: Tensor, table: Tensor, features: Tensor, *how: Any) -> Tensor:  # type: ignore[override]
        ctx.how = how
        ctx.save_for_backward(points, table)
        return features

    @staticmethod
    @eager
    def backward(ctx: Any, d_features: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        points, table = ctx.saved_tensors
        d_table = None
        if ctx.needs_input_grad[1]:
            d_table = _TableGradient.apply(d_features, points, table.detach(), *ctx.how)
        return None, d_table, None, None, None, None


class _TableGradient(torch.autograd.Function):
    """The gradient of the table; linear in `d_features`, so that its own derivatives are an encoding."""

    @staticmethod
    def forward(ctx: Any, d_features: Tensor, points: Tensor, table: Tensor, *how: Any) -> Tensor:  # type: ignore[override]
        ctx.how = how
        ctx.save_for_backward(d_features, points)
        d_table = torch.zeros_like(table)
        accumulate_table_gradient(points, d_features, None, None, d_table, *how)
        return d_table

    @staticmethod
    @eager
    @once_differentiable
    def backward(ctx: Any, by_table: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        d_features, points = ctx.saved_tensors
        if not ctx.needs_input_grad[1]:
            return encode(points, by_table, *ctx.how), None, None, None, None, None
        features, jacobian = encode_with_jacobian(points, by_table, *ctx.how)
        return features, jacobian_t_product(jacobian, d_features), None, None, None, None


class _AlongPoints(torch.autograd.Function):
    """The same features, as a function of the points."""

    @staticmethod
    def forward(  # type: ignore[override]
        ctx: Any, features: Tensor, points: Tensor, table: Tensor, jacobian: Tensor, *how: Any
    ) -> Tensor:
        ctx.how = how
        ctx.save_for_backward(points, table, jacobian)
        return features.view_as(features)

    @staticmethod
    @eager
    def backward(ctx: Any, d_features: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        points, table, jacobian = ctx.saved_tensors
        d_points = _PointGradient.apply(d_features, points.detach(), table, jacobian, *ctx.how)
        if torch.is_grad_enabled():
            d_points = d_points + _Bend.apply(points, d_features.detach(), table.detach(), *ctx.how)
        return d_features, d_points, None, None, None, None, None


class _PointGradient(torch.autograd.Function):
    """The gradient of the points, as a function of that of the features and of the table."""

    @staticmethod
    def forward(  # type: ignore[override]
        ctx: Any, d_features: Tensor, points: Tensor, table: Tensor, jacobian: Tensor, *how: Any
    ) -> Tensor:
        ctx.how = how
        ctx.save_for_backward(d_features, points, table, jacobian)
        return jacobian_t_product(jacobian, d_features)

    @staticmethod
    @eager
    @once_differentiable
    def backward(ctx: Any, by_points: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        d_features, points, table, jacobian = ctx.saved_tensors
        to_features = to_table = None
        if ctx.needs_input_grad[0]:
            to_features = jacobian_product(jacobian, by_points)
        if ctx.needs_input_grad[2]:
            to_table = torch.zeros_like(table)
            accumulate_table_gradient(points, None, by_points, d_features, to_table, *ctx.how)
        return to_features, None, to_table, None, None, None, None


class _Bend(torch.autograd.Function):
    """Zero, with the derivative that the gradient of the points has with respect to the points."""

    @staticmethod
    def forward(ctx: Any, points: Tensor, d_features: Tensor, table: Tensor, *how: Any) -> Tensor:  # type: ignore[override]
        ctx.how = how
        ctx.save_for_backward(points, d_features, table)
        return torch.zeros_like(points)

    @staticmethod
    @eager
    @once_differentiable
    def backward(ctx: Any, by_points: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        points, d_features, table = ctx.saved_tensors
        product = torch.empty_like(points)
        _kernel("hessian_product", *ctx.how, points, table, d_features, by_points, product)
        return product, None, None, None, None, None


@lru_cache(maxsize=32)
def _native_grid(kernels: Any, layout: GridLayout) -> Any:
    numbers = layout.scales, layout.steps, layout.offsets, layout.hashed
    return kernels.Grid(*numbers, layout.features, layout.dimensions, layout.simplex)


def _kernel(
    name: str, layout: GridLayout, interpolation: str, active_levels: int | None, *tensors: Tensor | None
) -> None:
    """Calls a native kernel; the last arguments are written, and so were allocated contiguous."""
    values = [None if t is None else t.detach().contiguous() for t in tensors]
    kernels = native.kernels(*(t for t in values if t is not None))
    arguments = native_arguments(kernels, layout, interpolation, active_levels)
    getattr(kernels, f"grid_{name}")(*arguments, *values)


def native_arguments(
    kernels: Any, layout: GridLayout, interpolation: str, active_levels: int | None
) -> tuple[Any, bool, int]:
    """The grid as a module's kernels take it: levels, whether smoothstep, how many levels are active."""
    active = layout.levels if active_levels is None else min(max(active_levels, 0), layout.levels)
    return _native_grid(kernels, layout), _is_smooth(interpolation), active


def _is_smooth(interpolation: str) -> bool:
    if interpolation not in INTERPOLATIONS:
        raise ValueError(f"interpolation must be one of {', '.join(INTERPOLATIONS)}, got {interpolation!r}")
    return interpolation == "smoothstep"


def check(points: Tensor, table: Tensor, layout: GridLayout, interpolation: str) -> None:
    """Raises ValueError if a shape, a type or the interpolation is wrong, or a point is not finite."""
    _is_smooth(interpolation)
    check_points("grid_encode", points, layout.dimensions, table.dtype)
    if table.shape != (layout.n_parameters,):
        wanted = f"[{layout.n_parameters}] for {layout}"
        raise ValueError(f"grid_encode: table must be {wanted}, got {list(table.shape)}")
