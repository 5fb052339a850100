"""How much the depth of a pixel may count, from how it was matched."""

from __future__ import annotations

import torch
from torch import Tensor

from neurfield.ops import StereoPictures
from neurfield.stereo.geometry import pixel_rays

ERROR = 0.3  # pixels that a good match is off by
PLANAR = 0.3  # what a planar pixel counts
AGREED = 0.2  # what a matched pixel counts whose cost has no clear least: other views agree with it still
CLEAR = 0.1  # how far above 1 the ratio of the second best cost to the best must be to count in full


def deviation(
    pictures: StereoPictures, i: int, depth: Tensor, cost: Tensor, count: Tensor, angle: Tensor
) -> Tensor:
    """The standard deviation of depth [h, w] to be expected, world lengths; infinite where nothing agrees.

    It is z^2 sigma / (f b) with the baseline b that the agreeing sources have across the ray.

    Args:
        pictures: the pictures.
        i: which of them.
        depth: [h, w].
        cost: [h, w], 0 to 1.
        count: [h, w], sources that agree.
        angle: [h, w], degrees to them, their mean.
    """
    focal = float(pictures.lens[i, :2].mean())
    baseline = 2.0 * (torch.deg2rad(angle) / 2.0).sin() * count.float().sqrt()
    pixels = ERROR * (1.0 + 2.0 * cost)
    some = (depth > 0) & (count > 0) & (baseline > 0)
    return torch.where(some, depth * pixels / (focal * baseline), torch.full_like(depth, torch.inf))


def confidence(
    pictures: StereoPictures,
    i: int,
    normal: Tensor,
    sigma: Tensor,
    typical: float,
    ratio: Tensor,
    planar: Tensor,
) -> Tensor:
    """Confidence [h, w], 0 to 1: 1 for pixels seen face on, as exact as most, and without a second choice.

    Args:
        pictures: the pictures.
        i: which of them.
        normal: [h, w, 3], camera axes.
        sigma: [h, w], of `deviation`.
        typical: the median of sigma over the scene.
        ratio: [h, w], of the second best cost along the ray to the best.
        planar: bool [h, w], pixels whose depth is the plane of their surroundings.
    """
    rays = torch.nn.functional.normalize(pixel_rays(pictures, i), dim=2)
    face_on = -(normal * rays).sum(dim=2)
    exact = (typical / sigma.clamp_min(1e-12)).square().clamp_max(1.0)
    alone = AGREED + (1.0 - AGREED) * ((ratio - 1.0) / CLEAR).clamp(0.0, 1.0)
    certain = torch.where(planar, torch.full_like(alone, PLANAR), alone)
    return (face_on.clamp_min(0.0) * exact * certain).nan_to_num(0.0)
