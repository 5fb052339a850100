"""What a renderer does between asking a field and comparing pixels.

Sections of rays become points; what the field says of these becomes opacity and normals, and those pixels.
One native call each, and one back.

Legend as in `neurfield.ops.compositing`: S sections (samples) of R rays, packed ray after ray. Native
derivatives are first-order; the reference path (float64, other devices) has all.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from neurfield.ops import native
from neurfield.ops.eager import eager
from neurfield.ops.reference import sections as reference
from neurfield.ops.reference.opacity import check as check_opacity


@eager
@torch.no_grad()
def section_midpoints(
    origins: Tensor,
    directions: Tensor,
    ray_indices: Tensor,
    t_starts: Tensor,
    t_ends: Tensor,
    extra: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Midpoints of sections, and behind them `extra` points [E, 3]: points [S + E, 3], and t [S].

    Args:
        origins, directions: [R, 3] of the rays, in any frame.
        ray_indices: int64 [S].
        t_starts, t_ends: [S].
        extra: [E, 3], in the same frame.
    """
    tensors = (origins, directions, ray_indices, t_starts, t_ends)
    native.one_device(origins, extra)
    kernels = native.kernels(*tensors)
    if kernels is None:
        points, t = reference.midpoints(*tensors)
        return points if extra is None else torch.cat([points, extra]), t
    count = t_starts.shape[0]
    points = origins.new_empty(count + (0 if extra is None else extra.shape[0]), 3)
    t = origins.new_empty(count)
    kernels.section_midpoints(*(_plain(x) for x in tensors), points, t)
    if extra is not None:
        points[count:] = extra
    return points, t


@eager
def section_opacity(
    sdf: Tensor,
    gradient: Tensor,
    t_starts: Tensor,
    t_ends: Tensor,
    directions: Tensor,
    ray_indices: Tensor,
    *,
    kind: str,
    width: Tensor | float,
    anneal: float = 1.0,
) -> tuple[Tensor, Tensor]:
    """Opacity [S] of sections known at their midpoints, and the unit normal there [S, 3].

    Args:
        sdf, gradient: [S], [S, 3] at the midpoints; the opacity of "neus" takes the slope along the ray.
        t_starts, t_ends: [S].
        directions: [R, 3] of the rays.
        ray_indices: int64 [S].
        kind: "neus" (Wang et al. 2021, Eq. 13) or "volsdf" (Yariv et al. 2021, Eq. 2 and 3); formulas in
            `neurfield.ops.reference.opacity`.
        width: how far from the surface the opacity reaches, 1/inv_s of NeuS, beta of VolSDF; one number.
        anneal: of "neus", see `neus_alpha`.

    Returns:
        alpha and normal, differentiable in sdf, gradient and width. A gradient shorter than 1e-6 gives a
        normal shorter than a unit. NaN stays NaN.

    Raises:
        ValueError: an unknown kind, or a width that is not positive and finite (not looked at on a GPU).

    Example:
        >>> sdf, gradient = torch.tensor([0.5, 0.0]), torch.tensor([[-1.0, 0.0, 0.0]]).expand(2, 3)
        >>> t_starts, t_ends = torch.tensor([0.4, 0.9]), torch.tensor([0.6, 1.1])  # a ray along x to a wall
        >>> alpha, normal = section_opacity(
        ...     sdf, gradient, t_starts, t_ends, torch.tensor([[1.0, 0.0, 0.0]]), torch.tensor([0, 0]),
        ...     kind="neus", width=0.02,
        ... )
        >>> alpha.round(decimals=4)
        tensor([0.0000, 0.9933])
    """
    check_opacity(kind, width)
    fixed = (t_starts, t_ends, directions, ray_indices)
    native.one_device(sdf, width if isinstance(width, Tensor) else None)
    if not native.serves(sdf, gradient, *fixed):
        return reference.opacity(sdf, gradient, *fixed, kind, width, anneal)
    return _Opacity.apply(sdf, gradient, width, kind == "neus", anneal, *(_plain(x) for x in fixed))


@eager
def composite_surface(
    alpha: Tensor, rgb: Tensor, normal: Tensor, t: Tensor, packed_info: Tensor
) -> tuple[Tensor, Tensor]:
    """Volume rendering of colour, normal and distance in one pass per ray.

    Args:
        alpha, t: [S].
        rgb, normal: [S, 3].
        packed_info: int64 [R, 2], which must tile the samples in order.

    Returns:
        pixels [R, 8], differentiable in alpha, rgb and normal: sums over the ray of weight times rgb, times
        normal, times t, and of the weights alone (the opacity); and the weights [S], which carry no gradient.

    Raises:
        ValueError: shapes disagree, or the rays of packed_info do not tile the samples in order. The
            kernels of a GPU do not look at what packed_info says: it must be right.

    Example:
        >>> alpha, t = torch.tensor([0.5, 1.0]), torch.tensor([1.0, 2.0])
        >>> rgb, normal = torch.eye(3)[:2], torch.tensor([[0.0, 0.0, 1.0]]).expand(2, 3)
        >>> pixels, weights = composite_surface(alpha, rgb, normal, t, torch.tensor([[0, 2]]))
        >>> pixels  # red, green, blue, the normal, the distance, the opacity
        tensor([[0.5000, 0.5000, 0.0000, 0.0000, 0.0000, 1.0000, 1.5000, 1.0000]])
    """
    if not native.serves(alpha, rgb, normal, t, packed_info):
        return reference.composite_surface(alpha, rgb, normal, t, packed_info)
    return _Surface.apply(alpha, rgb, normal, _plain(t), _plain(packed_info))


def _plain(tensor: Tensor) -> Tensor:
    return tensor.detach().contiguous()


class _Opacity(torch.autograd.Function):
    @staticmethod
    def forward(  # type: ignore[override]
        ctx: Any,
        sdf: Tensor,
        gradient: Tensor,
        width: Tensor | float,
        neus: bool,
        anneal: float,
        *fixed: Tensor,
    ) -> tuple[Tensor, Tensor]:
        sdf, gradient = _plain(sdf), _plain(gradient)
        alpha, normal = torch.empty_like(sdf), torch.empty_like(gradient)
        ctx.shape_of_width = width.shape if isinstance(width, Tensor) else None
        if isinstance(width, Tensor):
            number = width.detach().reshape(1).to(sdf)
        else:
            number = sdf.new_full((1,), width)
        ctx.how = neus, number, anneal
        native.kernels(sdf).section_opacity(sdf, gradient, *fixed, *ctx.how, alpha, normal)
        ctx.save_for_backward(sdf, gradient, *fixed)
        return alpha, normal

    @staticmethod
    @eager
    @once_differentiable
    def backward(ctx: Any, d_alpha: Tensor, d_normal: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        sdf, gradient, *fixed = ctx.saved_tensors
        d_sdf, d_gradient, d_width = torch.empty_like(sdf), torch.empty_like(gradient), sdf.new_empty(1)
        grads = _plain(d_alpha), _plain(d_normal)
        native.kernels(sdf).section_opacity_backward(
            sdf, gradient, *fixed, *ctx.how, *grads, d_sdf, d_gradient, d_width
        )
        shape = ctx.shape_of_width
        by_width = None if shape is None else d_width.reshape(shape)
        return d_sdf, d_gradient, by_width, None, None, None, None, None, None


class _Surface(torch.autograd.Function):
    @staticmethod
    def forward(  # type: ignore[override]
        ctx: Any, alpha: Tensor, rgb: Tensor, normal: Tensor, t: Tensor, packed_info: Tensor
    ) -> tuple[Tensor, Tensor]:
        alpha, rgb, normal = _plain(alpha), _plain(rgb), _plain(normal)
        out, weights = alpha.new_empty(packed_info.shape[0], 8), torch.empty_like(alpha)
        native.kernels(alpha).composite_surface(alpha, rgb, normal, t, packed_info, out, weights)
        ctx.save_for_backward(alpha, rgb, normal, t, weights, packed_info)
        ctx.mark_non_differentiable(weights)
        return out, weights

    @staticmethod
    @eager
    @once_differentiable
    def backward(ctx: Any, d_out: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        alpha, rgb, normal, t, weights, packed_info = ctx.saved_tensors
        grads = torch.empty_like(alpha), torch.empty_like(rgb), torch.empty_like(normal)
        native.kernels(alpha).composite_surface_backward(
            alpha, rgb, normal, t, weights.detach(), _plain(d_out), packed_info, *grads
        )
        return *grads, None, None
