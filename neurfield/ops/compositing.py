"""Compositing of packed samples along rays: opacities to weights, weights and values to pixels.

Legend:

- S samples in all, ray after ray;
- ray_indices: int64 [S], ascending;
- packed_info: int64 [R, 2], (start, count) of each ray's run of samples;
- alpha: [S] in [0, 1], the opacity of a sample's section;
- transmittance: T_i = prod_{j<i} (1 - alpha_j) along its ray;
- weight: w_i = T_i alpha_i.

Names follow nerfacc. Native derivatives are first-order; the reference path (float64, other devices) has all.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from neurfield.ops import native
from neurfield.ops.eager import eager
from neurfield.ops.reference import compositing as reference


@eager
def pack_info(ray_indices: Tensor, n_rays: int) -> Tensor:
    """packed_info int64 [n_rays, 2], (start, count) of each ray's samples; rays without samples have count 0.

    Raises:
        ValueError: `ray_indices` [S] does not ascend or leaves 0..n_rays-1. The kernels of a GPU do not look,
            which would mean waiting for it: there the result is meaningless.
    """
    kernels = native.kernels(ray_indices)
    if kernels is None:
        return reference.pack_info(ray_indices, n_rays)
    packed_info = ray_indices.new_empty(n_rays, 2)
    kernels.pack_info(ray_indices.contiguous(), packed_info)
    return packed_info


def unpack_info(packed_info: Tensor) -> Tensor:
    """ray_indices int64 [S] of packed_info [R, 2]."""
    return reference.unpack_info(packed_info)


@eager
def render_weights_from_alpha(
    alpha: Tensor,
    ray_indices: Tensor | None = None,
    n_rays: int | None = None,
    *,
    packed_info: Tensor | None = None,
) -> Tensor:
    """Weights [S] of samples with opacity alpha [S]: w_i = alpha_i prod_{j<i} (1 - alpha_j).

    They sum to at most 1 along a ray. Give either `ray_indices` and `n_rays`, or `packed_info`.
    Differentiable in alpha, exact where alpha is 1.

    Example:
        >>> render_weights_from_alpha(torch.tensor([0.5, 0.5, 1.0]), torch.tensor([0, 0, 1]), n_rays=2)
        tensor([0.5000, 0.2500, 1.0000])
    """
    return _weights_and_transmittance(alpha, _packing(alpha, ray_indices, n_rays, packed_info))[0]


@eager
def render_transmittance_from_alpha(
    alpha: Tensor,
    ray_indices: Tensor | None = None,
    n_rays: int | None = None,
    *,
    packed_info: Tensor | None = None,
) -> Tensor:
    """Transmittance [S] in front of each sample, T_i = prod_{j<i} (1 - alpha_j).

    Arguments as for `render_weights_from_alpha`.
    """
    return _weights_and_transmittance(alpha, _packing(alpha, ray_indices, n_rays, packed_info))[1]


@eager
def render_weights_from_density(
    t_starts: Tensor,
    t_ends: Tensor,
    sigmas: Tensor,
    ray_indices: Tensor | None = None,
    n_rays: int | None = None,
    *,
    packed_info: Tensor | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """(weights, transmittance, alphas), each [S], of densities constant along each section.

    alpha = 1 - exp(-sigma (t_end - t_start)). Differentiable in `sigmas`, `t_starts` and `t_ends` [S].
    Further arguments as for `render_weights_from_alpha`.
    """
    native.one_device(t_starts, t_ends, sigmas)
    alphas = -torch.expm1(-sigmas * (t_ends - t_starts))
    weights, transmittance = _weights_and_transmittance(
        alphas, _packing(alphas, ray_indices, n_rays, packed_info)
    )
    return weights, transmittance, alphas


@eager
def accumulate_along_rays(
    weights: Tensor,
    values: Tensor | None = None,
    ray_indices: Tensor | None = None,
    n_rays: int | None = None,
    *,
    packed_info: Tensor | None = None,
) -> Tensor:
    """Sum of weights [S] times values [S, C] along each ray, [R, C]; without values the opacity [R, 1].

    Differentiable in both. Further arguments as for `render_weights_from_alpha`.
    """
    packing = _packing(weights, ray_indices, n_rays, packed_info)
    if values is None:
        values = torch.ones_like(weights)[:, None]
    if values.dim() != 2 or values.shape[0] != weights.shape[0]:
        raise ValueError(
            f"values: must be [S, C] with S = {weights.shape[0]} samples, got {tuple(values.shape)}"
        )
    if native.serves(weights, values, packing):
        return _Accumulate.apply(weights, values, packing)
    return reference.accumulate(weights, values, packing)


@eager
def composite(alpha: Tensor, values: Tensor, packed_info: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Volume rendering in one pass per ray: alpha [S] and values [S, C] to pixels.

    Returns:
        accumulated [R, C] = sum_i w_i v_i, opacity [R] = sum_i w_i, weights [S]. All three carry gradients to
        alpha and values (NeRF, Mildenhall et al. 2020, Eq. 3; derivatives in `csrc/marching/compositing.h`).

    Raises:
        ValueError: shapes disagree, or the rays of packed_info do not tile the samples in order. The
            kernels of a GPU do not look at what packed_info says: it must be right.

    Example:
        >>> packed_info = pack_info(torch.tensor([0, 0, 1]), n_rays=2)
        >>> alpha, values = torch.tensor([0.5, 0.5, 1.0]), torch.ones(3, 1)
        >>> accumulated, opacity, weights = composite(alpha, values, packed_info)
        >>> opacity
        tensor([0.7500, 1.0000])
    """
    if values.dim() != 2 or values.shape[0] != alpha.shape[0]:
        raise ValueError(
            f"values: must be [S, C] with S = {alpha.shape[0]} samples, got {tuple(values.shape)}"
        )
    packing = _packing(alpha, None, None, packed_info)
    if native.serves(alpha, values, packing):
        return _Composite.apply(alpha, values, packing)
    return reference.composite(alpha, values, packing)


def _packing(
    per_sample: Tensor, ray_indices: Tensor | None, n_rays: int | None, packed_info: Tensor | None
) -> Tensor:
    """packed_info, given or made, once it is clear that it describes these samples."""
    if per_sample.dim() != 1:
        raise ValueError(f"samples must be packed in one dimension [S], got {tuple(per_sample.shape)}")
    native.one_device(per_sample, ray_indices, packed_info)
    if packed_info is None:
        if ray_indices is None or n_rays is None:
            raise ValueError("give either packed_info, or ray_indices together with n_rays")
        if ray_indices.shape != per_sample.shape:
            raise ValueError(
                f"ray_indices: {tuple(ray_indices.shape)} does not match {per_sample.shape[0]} samples"
            )
        return pack_info(ray_indices, n_rays)
    if ray_indices is not None:
        raise ValueError("give either packed_info or ray_indices, not both")
    return packed_info.contiguous()


def _weights_and_transmittance(alpha: Tensor, packing: Tensor) -> tuple[Tensor, Tensor]:
    if native.serves(alpha, packing):
        return _Weights.apply(alpha, packing)
    return reference.weights_and_transmittance(alpha, packing)


def _plain(tensor: Tensor) -> Tensor:
    return tensor.detach().contiguous()


class _Weights(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, alpha: Tensor, packing: Tensor) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        alpha = _plain(alpha)
        weights, transmittance = torch.empty_like(alpha), torch.empty_like(alpha)
        native.kernels(alpha).weights_forward(alpha, packing, weights, transmittance)
        ctx.save_for_backward(alpha, transmittance, packing)
        return weights, transmittance

    @staticmethod
    @eager
    @once_differentiable
    def backward(ctx: Any, grad_weights: Tensor, grad_transmittance: Tensor) -> tuple[Tensor, None]:  # type: ignore[override]
        alpha, transmittance, packing = ctx.saved_tensors
        grad_alpha = torch.empty_like(alpha)
        grads = _plain(grad_weights), _plain(grad_transmittance)
        native.kernels(alpha).weights_backward(alpha, transmittance.detach(), *grads, packing, grad_alpha)
        return grad_alpha, None


class _Accumulate(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, weights: Tensor, values: Tensor, packing: Tensor) -> Tensor:  # type: ignore[override]
        weights, values = _plain(weights), _plain(values)
        out = weights.new_empty(packing.shape[0], values.shape[1])
        native.kernels(weights).accumulate_forward(weights, values, packing, out)
        ctx.save_for_backward(weights, values, packing)
        return out

    @staticmethod
    @eager
    @once_differentiable
    def backward(ctx: Any, grad_out: Tensor) -> tuple[Tensor, Tensor, None]:  # type: ignore[override]
        weights, values, packing = ctx.saved_tensors
        grad_weights, grad_values = torch.empty_like(weights), torch.empty_like(values)
        native.kernels(weights).accumulate_backward(
            weights, values, _plain(grad_out), packing, grad_weights, grad_values
        )
        return grad_weights, grad_values, None


class _Composite(torch.autograd.Function):
    @staticmethod
    def forward(  # type: ignore[override]
        ctx: Any, alpha: Tensor, values: Tensor, packing: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        alpha, values = _plain(alpha), _plain(values)
        accumulated = alpha.new_empty(packing.shape[0], values.shape[1])
        opacity, weights = alpha.new_empty(packing.shape[0]), torch.empty_like(alpha)
        native.kernels(alpha).composite_forward(alpha, values, packing, accumulated, opacity, weights)
        ctx.save_for_backward(alpha, values, weights, packing)
        return accumulated, opacity, weights

    @staticmethod
    @eager
    @once_differentiable
    def backward(  # type: ignore[override]
        ctx: Any, grad_accumulated: Tensor, grad_opacity: Tensor, grad_weights: Tensor
    ) -> tuple[Tensor, Tensor, None]:
        alpha, values, weights, packing = ctx.saved_tensors
        grad_alpha, grad_values = torch.empty_like(alpha), torch.empty_like(values)
        grads = _plain(grad_accumulated), _plain(grad_opacity), _plain(grad_weights)
        native.kernels(alpha).composite_backward(
            alpha, values, weights.detach(), *grads, packing, grad_alpha, grad_values
        )
        return grad_alpha, grad_values, None
