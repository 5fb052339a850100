"""Losses on whose each place is, and on the opacities of objects."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy, cross_entropy

LEAST, MOST = 1e-4, 1.0 - 1e-4  # of an opacity whose entropy is asked (ObjectSDF++)


def summed_along_rays(weights: Tensor, values: Tensor, ray: Tensor, rays: int) -> Tensor:
    """Sums [R, K] of weight times value over the samples of each ray.

    Args:
        weights: [S].
        values: [S, K].
        ray: int64 [S] in 0..R-1, whose sample it is.
        rays: R.
    """
    return values.new_zeros(rays, values.shape[1]).index_add(0, ray, weights[:, None] * values)


def rendered_entropy(rendered: Tensor, index: Tensor, valid: Tensor) -> Tensor:
    """Mean cross entropy of rendered numbers of objects (ObjectSDF, Wu et al. 2022, Sec. 3.3).

    Args:
        rendered: [R, K], the larger the likelier.
        index: int64 [R] in 0..K-1, which object the pixel shows.
        valid: bool [R], which pixels count.
    """
    entropy = cross_entropy(rendered, index, reduction="none")
    return (entropy * valid).sum() / valid.sum().clamp_min(1)


def opacity_entropy(opacity: Tensor, index: Tensor, valid: Tensor) -> Tensor:
    """Mean binary cross entropy of opacities [R, K] against which object [R] a pixel shows (ObjectSDF++).

    Args:
        opacity: [R, K]; more than one counts as one.
        index: int64 [R] in 0..K-1.
        valid: bool [R], which pixels count.
    """
    target = torch.nn.functional.one_hot(index, opacity.shape[1]).to(opacity.dtype)
    entropy = binary_cross_entropy(opacity.clamp(LEAST, MOST).nan_to_num(0.5), target, reduction="none")
    # NaN, which the entropy would end the program on, stays NaN and is noticed as other losses' is.
    return (entropy.mean(dim=1) * valid).sum() / valid.sum().clamp_min(1) + 0.0 * opacity.sum()
