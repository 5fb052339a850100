"""Losses on what a monocular network believes: depth up to scale and shift per image, and normals."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import normalize

ROUNDS = 4  # of re-weighting in the robust fit of scale and shift


def solve_scale_shift(
    prior: Tensor, depth: Tensor, weight: Tensor, group: Tensor, groups: int
) -> tuple[Tensor, Tensor]:
    """Scale and shift per image, [groups] each, that carry the prior to the rendered depth by least squares.

    What is least is the sum of weight (scale prior + shift - depth)^2. MonoSDF (Yu et al. 2022, Eq. 11)
    carries the rendered depth to the prior instead, whose unit then weighs the loss; this direction keeps the
    residual in the scene's own lengths. An image without two distinct weighted values gets scale 0 and the
    mean depth.

    Args:
        prior: [R] in its own unit.
        depth: [R] rendered z-depth.
        weight: [R].
        group: [R] int64 image of each ray, in 0..groups-1.
        groups: how many images.
    """

    def total(values: Tensor) -> Tensor:
        return torch.zeros(groups, dtype=torch.float64, device=prior.device).index_add_(0, group, values)

    p, d, w = prior.double(), depth.double(), weight.double()
    sum_w, sum_p, sum_d = total(w).clamp_min(1e-9), total(w * p), total(w * d)
    mean_p, mean_d = sum_p / sum_w, sum_d / sum_w
    variance = total(w * p * p) / sum_w - mean_p.square()
    covariance = total(w * p * d) / sum_w - mean_p * mean_d
    scale = torch.where(variance > 1e-12, covariance / variance.clamp_min(1e-12), torch.zeros_like(variance))
    shift = mean_d - scale * mean_p
    return scale.to(prior.dtype), shift.to(prior.dtype)


def median_where(chosen: Tensor, values: Tensor, otherwise: float) -> Tensor:
    """The lower median of the values that are chosen.

    A GPU is not waited for, as it would be for how many they are.

    Args:
        chosen: [R] bool.
        values: [R].
        otherwise: the median of none.
    """
    count = chosen.sum()
    ascending = torch.where(chosen, values, torch.inf).sort().values
    middle = ascending.gather(0, (count - 1).clamp_min(0).view(1) // 2)[0]
    return torch.where(count > 0, middle, otherwise)


@torch.no_grad()
def aligned_depth(
    prior: Tensor, depth: Tensor, weight: Tensor, group: Tensor, groups: int
) -> tuple[Tensor, Tensor, Tensor]:
    """The prior carried to the rendered depth, by scale and shift per image, without gradient.

    The fit is repeated with rays down-weighted by their residual, so that thin parts that a network misses do
    not bend it.

    Args:
        prior: [R] in its own unit.
        depth: [R] rendered z-depth.
        weight: [R] trust in 0..1, 0 where there is no prior.
        group: [R] int64 image of each ray, in 0..groups-1.
        groups: how many images.

    Returns:
        What the prior says depth is [R]; the weights [R] that rays have by their residual; and 0 for rays of
        images whose scale is negative, else 1 [R]: the field is still far off there, so that the prior says
        nothing yet.
    """
    robust = weight
    for _ in range(ROUNDS):
        scale, shift = solve_scale_shift(prior, depth, robust, group, groups)
        target = scale[group] * prior + shift[group]
        residual = (target - depth).abs()
        typical = median_where(weight > 0, residual, otherwise=1.0)
        robust = weight / (1.0 + (residual / (2.0 * typical + 1e-9)).square())
    return target, robust, (scale[group] > 0).to(depth.dtype)


def ambiguous_depth(prior: Tensor, depth: Tensor, weight: Tensor, group: Tensor, groups: int) -> Tensor:
    """Mean |scale p + shift - d| / d, with scale and shift solved per image and held fixed.

    Relative, because a network errs by parts of the depth: an error of near pixels is known to be smaller.
    Rays count less by their residual, as they do where the prior is aligned.

    Args:
        prior: [R] in its own unit.
        depth: [R] rendered z-depth.
        weight: [R] trust in 0..1, 0 where there is no prior.
        group: [R] int64 image of each ray, in 0..groups-1.
        groups: how many images.
    """
    target, robust, upright = aligned_depth(prior, depth, weight, group, groups)
    relative = (depth - target).abs() / depth.detach().clamp_min(1e-3)
    return (relative * robust * upright).sum() / weight.sum().clamp_min(1e-9)


def prior_normals(normal: Tensor, prior: Tensor, weight: Tensor) -> Tensor:
    """Mean of L1 and angular difference between rendered and prior normals (MonoSDF, Yu et al. 2022, Eq. 12).

    Args:
        normal: [R, 3] rendered, not unit.
        prior: [R, 3] unit, the same axes.
        weight: [R] trust in 0..1.
    """
    unit = normalize(normal, dim=1, eps=1e-5)
    difference = (unit - prior).abs().sum(dim=1) + (1.0 - (unit * prior).sum(dim=1))
    return (difference * weight).sum() / weight.sum().clamp_min(1.0)
