"""Tri-planes: features of points from planes of all pairs of axes, twice differentiable.

EG3D (Chan et al. 2022), K-Planes (Fridovich-Keil et al. 2023, Sec. 3). `triplane_encode` is the op with
autograd. The kernels know sums and concatenations of planes, which are linear in the texels; a product is
made of a concatenation.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache, reduce
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from neurfield.ops import native
from neurfield.ops.eager import eager
from neurfield.ops.plane_layout import COMBINATIONS, PlaneLayout
from neurfield.ops.points import check_points
from neurfield.ops.reference import triplane as reference

__all__ = ["INTERPOLATIONS", "PlaneLayout", "triplane_encode"]

INTERPOLATIONS = ("linear", "smoothstep")


@eager
def triplane_encode(
    points: Tensor,
    texels: Tensor,
    layout: PlaneLayout,
    interpolation: str = "linear",
    active_levels: int | None = None,
) -> Tensor:
    """Features of points, differentiable twice with respect to the points and the texels.

    The gradient of the texels does not depend on the number of threads; on a GPU its last bits vary, because
    its sums have no order there.

    Args:
        points: [N, dimensions], meant for [0, 1]^dimensions. A coordinate outside (or, without
            `align_corners`, beyond the outermost texels' middles) is seen at the border, and the derivative
            by it is zero.
        texels: [layout.n_parameters], as `PlaneLayout` says.
        interpolation: "linear" (bilinear in a plane), or "smoothstep" whose derivatives are continuous across
            texels.
        active_levels: levels from this one on give exact zeros (coarse to fine); None for all.

    Returns:
        [N, levels * features], times the planes for a concatenation; a level's planes in the order of
        `layout.pairs`.

    Raises:
        ValueError: a shape or the interpolation is wrong, or a coordinate is not finite.

    Example:
        >>> layout = PlaneLayout(dimensions=3, resolutions=(8, 16), features=4)
        >>> triplane_encode(torch.rand(5, 3), torch.ones(layout.n_parameters), layout)[0]
        tensor([3., 3., 3., 3., 3., 3., 3., 3.])
    """
    _check(points, texels, layout, interpolation)
    if not native.serves(points, texels):
        return reference.encode(points, texels, layout, interpolation, active_levels)
    differentiable = torch.is_grad_enabled() and (points.requires_grad or texels.requires_grad)
    if not differentiable or layout.combination != "product":
        return _encode(points, texels, layout, interpolation, active_levels, differentiable)
    apart = _encode(
        points, texels, replace(layout, combination="concatenation"), interpolation, active_levels, True
    )
    planes = apart.view(len(points), layout.levels, len(layout.pairs), layout.features)
    return reduce(torch.mul, planes.unbind(2)).reshape(len(points), layout.output_dim)


Details = tuple[PlaneLayout, str, int | None]  # with the interpolation and the active levels

# As in `ops.grid`: the derivatives by the points and by the texels are nodes of their own in the graph,
# because autograd runs a node whole, and a gradient along the points must not cost a scatter.


def _encode(
    points: Tensor,
    texels: Tensor,
    layout: PlaneLayout,
    interpolation: str,
    active_levels: int | None,
    differentiable: bool,
) -> Tensor:
    how: Details = (layout, interpolation, active_levels)
    features = _gather(points, None, texels, how)
    if not differentiable:
        return features
    if texels.requires_grad:
        features = _ByTexels.apply(texels, points, features, how)
    return _ByPoints.apply(points, texels, features, how) if points.requires_grad else features


class _ByTexels(torch.autograd.Function):
    """Features, as a function of the texels."""

    @staticmethod
    def forward(ctx: Any, texels: Tensor, points: Tensor, features: Tensor, how: Details) -> Tensor:  # type: ignore[override]
        ctx.how = how
        ctx.save_for_backward(points)
        return features.view_as(features)

    @staticmethod
    @eager
    def backward(ctx: Any, d_features: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        (points,) = ctx.saved_tensors
        return _TexelGradient.apply(d_features, points, ctx.how), None, None, None


class _TexelGradient(torch.autograd.Function):
    """The gradient of the texels; linear in `d_features`, so that its own derivatives are features."""

    @staticmethod
    def forward(ctx: Any, d_features: Tensor, points: Tensor, how: Details) -> Tensor:  # type: ignore[override]
        ctx.how = how
        ctx.save_for_backward(d_features, points)
        return _scatter(points, d_features, None, None, how)

    @staticmethod
    @eager
    @once_differentiable
    def backward(ctx: Any, by_texels: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        d_features, points = ctx.saved_tensors
        to_features = _gather(points, None, by_texels, ctx.how) if ctx.needs_input_grad[0] else None
        to_points = _pull(points, None, by_texels, d_features, ctx.how) if ctx.needs_input_grad[1] else None
        return to_features, to_points, None


class _ByPoints(torch.autograd.Function):
    """The same features, as a function of the points."""

    @staticmethod
    def forward(ctx: Any, points: Tensor, texels: Tensor, features: Tensor, how: Details) -> Tensor:  # type: ignore[override]
        ctx.how = how
        ctx.save_for_backward(points, texels)
        return features.view_as(features)

    @staticmethod
    @eager
    def backward(ctx: Any, d_features: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        points, texels = ctx.saved_tensors
        d_points = _PointGradient.apply(d_features, points.detach(), texels, ctx.how)
        if torch.is_grad_enabled():
            d_points = d_points + _Bend.apply(points, texels.detach(), d_features.detach(), ctx.how)
        return d_points, None, d_features, None


class _PointGradient(torch.autograd.Function):
    """The gradient of the points, as a function of that of the features and of the texels."""

    @staticmethod
    def forward(ctx: Any, d_features: Tensor, points: Tensor, texels: Tensor, how: Details) -> Tensor:  # type: ignore[override]
        ctx.how = how
        ctx.save_for_backward(d_features, points, texels)
        return _pull(points, None, texels, d_features, how)

    @staticmethod
    @eager
    @once_differentiable
    def backward(ctx: Any, by_points: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        d_features, points, texels = ctx.saved_tensors
        to_features = to_texels = None
        if ctx.needs_input_grad[0]:
            to_features = _gather(points, by_points, texels, ctx.how)
        if ctx.needs_input_grad[2]:
            to_texels = _scatter(points, None, by_points, d_features, ctx.how)
        return to_features, None, to_texels, None


class _Bend(torch.autograd.Function):
    """Zero, with the derivative that the gradient of the points has with respect to the points."""

    @staticmethod
    def forward(ctx: Any, points: Tensor, texels: Tensor, d_features: Tensor, how: Details) -> Tensor:  # type: ignore[override]
        ctx.how = how
        ctx.save_for_backward(points, texels, d_features)
        return torch.zeros_like(points)

    @staticmethod
    @eager
    @once_differentiable
    def backward(ctx: Any, by_points: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        points, texels, d_features = ctx.saved_tensors
        return _pull(points, by_points, texels, d_features, ctx.how), None, None, None


def _gather(points: Tensor, tangent: Tensor | None, texels: Tensor, how: Details) -> Tensor:
    """Features [N, output_dim] or, with a tangent [N, dimensions], their change along it."""
    out = points.new_empty(len(points), how[0].output_dim)
    _kernel("encode", how, points, tangent, texels, out)
    return out


def _pull(points: Tensor, vector: Tensor | None, texels: Tensor, d_features: Tensor, how: Details) -> Tensor:
    """[N, dimensions]: the gradient of the points or, with a vector, its derivative's product with that."""
    out = points.new_empty(points.shape)
    _kernel("pull", how, points, vector, texels, d_features, out)
    return out


def _scatter(
    points: Tensor,
    d_features: Tensor | None,
    tangent: Tensor | None,
    d_value: Tensor | None,
    how: Details,
) -> Tensor:
    """Sums of w * d_features + (grad w . tangent) * d_value over the points around each texel."""
    out = points.new_zeros(how[0].n_parameters)
    _kernel("scatter", how, points, d_features, tangent, d_value, out)
    return out


@lru_cache(maxsize=32)
def _native_planes(kernels: Any, layout: PlaneLayout) -> Any:
    lattices = [layout.lattice(level) for level in range(layout.levels)]
    return kernels.TriPlanes(layout.dimensions, layout.features, layout.resolutions, lattices)


def _kernel(name: str, how: Details, *tensors: Tensor | None) -> None:
    """Calls a native kernel; the last tensor is written, and so was allocated contiguous."""
    layout, interpolation, active_levels = how
    combination = COMBINATIONS.index(layout.combination)
    values = [None if t is None else t.detach().contiguous() for t in tensors]
    smooth, active = interpolation == "smoothstep", layout.active(active_levels)
    kernels = native.kernels(*(t for t in values if t is not None))
    getattr(kernels, f"triplane_{name}")(
        _native_planes(kernels, layout), smooth, combination, active, *values
    )


def _check(points: Tensor, texels: Tensor, layout: PlaneLayout, interpolation: str) -> None:
    if interpolation not in INTERPOLATIONS:
        raise ValueError(
            f"triplane_encode: interpolation must be one of {', '.join(INTERPOLATIONS)}, "
            f"got {interpolation!r}"
        )
    check_points("triplane_encode", points, layout.dimensions, texels.dtype)
    if texels.shape != (layout.n_parameters,):
        wanted = f"[{layout.n_parameters}] for {layout}"
        raise ValueError(f"triplane_encode: texels must be {wanted}, got {list(texels.shape)}")
