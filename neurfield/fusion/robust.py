"""How far depth maps are from what they fuse to: those far off count less when they are fused again."""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor
from torch.nn.functional import interpolate, max_pool2d

from neurfield.ops.depth_fusion import DepthViews
from neurfield.ops.surface_depth import surface_depth

SHARED = 2  # pixels to a side that share a ray


def second_views(views: DepthViews, row: Tensor, distance: Tensor, voxel: float) -> DepthViews:
    """The same maps, with less weight and trust where they are far from the surface that they fused to.

    A pixel's surface is the first that its ray meets: one in front of it that others see, or one behind it,
    where others look through its own. A pixel whose ray meets none keeps its weight. Four pixels share a ray
    through their middle, and are held to what it meets or, on what goes on evenly, to what lies between the
    rays around them.

    Args:
        views: that were fused, with sigma.
        row: int64 [X, Y, Z], the number of a brick, or -1.
        distance: [B, 512], NaN where nothing is known.
        voxel: length.
    """
    known = (views.depth > 0) & torch.isfinite(views.depth)
    residual = _residual(views, row, distance, voxel, known)
    assert views.sigma is not None
    share = robust_weight(residual, views.sigma)
    weight = share if views.weight is None else views.weight * share
    trust = share if views.trust is None else views.trust * share
    return dataclasses.replace(views, weight=weight, trust=trust)


def _residual(views: DepthViews, row: Tensor, distance: Tensor, voxel: float, known: Tensor) -> Tensor:
    """How much farther than the surface depth is, [F, h, w]; NaN where none is met, or nothing is known."""
    asked = max_pool2d(known[:, None].float(), SHARED, ceil_mode=True)[:, 0] > 0
    lens = views.intrinsics / SHARED
    seen = surface_depth(row, distance, voxel, views.cam_from_grid, lens, asked)
    height, width = known.shape[1:]
    at_ray = seen.repeat_interleave(SHARED, 1).repeat_interleave(SHARED, 2)[:, :height, :width]
    between = interpolate(seen[:, None], scale_factor=SHARED, mode="bilinear", align_corners=False)
    beside, even = views.depth - at_ray, views.depth - between[:, 0, :height, :width]
    nearer = torch.where(even.abs() < beside.abs(), even, beside)
    return torch.where(known & (at_ray > 0), nearer, torch.nan)


def robust_weight(residual: Tensor, sigma: Tensor) -> Tensor:
    """Weights in 0..1 of Geman and McClure (1987) for residuals that err by sigma; 1 for NaN."""
    return (1.0 + (residual / (2.0 * sigma)).square()).square().reciprocal().nan_to_num(1.0)
