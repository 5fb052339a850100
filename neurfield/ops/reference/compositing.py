"""Compositing of packed samples in plain torch: any device, any dtype, differentiable to any order."""

from __future__ import annotations

import torch
from torch import Tensor


def pack_info(ray_indices: Tensor, n_rays: int) -> Tensor:
    """(start, count) [R, 2] of each ray's run in ascending ray_indices [S]; see `neurfield.ops.pack_info`."""
    ascending = bool((ray_indices[1:] >= ray_indices[:-1]).all())
    if ray_indices.numel() and not (ascending and ray_indices[0] >= 0 and ray_indices[-1] < n_rays):
        raise ValueError(f"ray_indices: must ascend within 0..{n_rays - 1}")
    counts = torch.bincount(ray_indices, minlength=n_rays)  # [R]
    return torch.stack([counts.cumsum(0) - counts, counts], dim=1)


def unpack_info(packed_info: Tensor) -> Tensor:
    """ray_indices [S] of packed_info [R, 2]."""
    rays = torch.arange(packed_info.shape[0], device=packed_info.device)
    return rays.repeat_interleave(packed_info[:, 1])


def weights_and_transmittance(alpha: Tensor, packed_info: Tensor) -> tuple[Tensor, Tensor]:
    """w_i = T_i alpha_i and T_i = prod_{j<i} (1 - alpha_j), each [S]."""
    starts, counts = packed_info.unbind(1)  # [R], [R]
    if alpha.is_meta:  # without numbers: nobody knows how long the longest ray is
        return torch.empty_like(alpha), torch.empty_like(alpha)
    rays = unpack_info(packed_info)  # [S]
    place = torch.arange(alpha.shape[0], device=alpha.device) - starts[rays]  # [S] index along its ray
    longest = int(counts.max()) if counts.numel() else 0
    # A dense row per ray with a leading 1: torch's own cumprod knows the derivative where a factor is 0.
    factors = alpha.new_ones(counts.shape[0], longest + 1)  # [R, L + 1]
    factors = factors.index_put((rays, place + 1), 1.0 - alpha)
    transmittance = factors.cumprod(dim=1)[rays, place]  # [S]
    return transmittance * alpha, transmittance


def accumulate(weights: Tensor, values: Tensor, packed_info: Tensor) -> Tensor:
    """sum_i w_i v_i of each ray, [R, C]."""
    weighted = weights[:, None] * values  # [S, C]
    empty = weighted.new_zeros(packed_info.shape[0], values.shape[1])
    return empty.index_add(0, unpack_info(packed_info), weighted)


def composite(alpha: Tensor, values: Tensor, packed_info: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """(accumulated [R, C], opacity [R], weights [S]); see `neurfield.ops.composite`."""
    weights, _ = weights_and_transmittance(alpha, packed_info)
    accumulated = accumulate(weights, values, packed_info)
    opacity = accumulate(weights, torch.ones_like(weights)[:, None], packed_info)[:, 0]
    return accumulated, opacity, weights
