"""Losses on what a pixel shows."""

from __future__ import annotations

import torch
from torch import Tensor


def color_l1(rgb: Tensor, target: Tensor, compared: Tensor | None = None) -> Tensor:
    """Mean absolute colour difference.

    Args:
        rgb: [R, 3] rendered, in 0..1.
        target: [R, 3] in 0..1.
        compared: [R] bool, which rays count; None: all.
    """
    error = (rgb - target).abs()
    if compared is None:
        return error.mean()
    return (error.mean(dim=1) * compared).sum() / compared.sum().clamp_min(1)


def mask_entropy(opacity: Tensor, mask: Tensor) -> Tensor:
    """Binary cross entropy of the rays' opacity against a mask, clipped as NeuS does (1e-3).

    Args:
        opacity: [R] in 0..1.
        mask: [R], 1 = object, 0 = none, 2 = unknown, which does not count.
    """
    valid = (mask < 1.5).to(opacity.dtype)
    entropy = torch.nn.functional.binary_cross_entropy(
        opacity.clamp(1e-3, 1.0 - 1e-3).nan_to_num(0.5), mask.clamp_max(1.0), weight=valid, reduction="sum"
    )
    # NaN, which the entropy would end the program on, stays NaN and is noticed as other losses' is.
    return entropy / valid.sum().clamp_min(1.0) + 0.0 * opacity.sum()
