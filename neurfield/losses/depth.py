"""Losses on measured depth: where the surface is, and what must be free in front of it."""

from __future__ import annotations

import torch
from torch import Tensor


def near_surface_sdf(sdf: Tensor, t: Tensor, t_depth: Tensor, incidence: Tensor, truncation: float) -> Tensor:
    """Mean |sdf - target| over samples inside the truncation band, in truncations.

    The distance left along the ray, t_depth - t, times the cosine of incidence is the distance to the plane
    that the ray hits: the first-order SDF there. The plain ray distance (GO-Surf, Wang et al. 2022, Eq. 6) is
    too large at grazing views.

    Args:
        sdf: [S] of the samples, unit lengths.
        t: [S] of the samples along their rays, unit lengths.
        t_depth: [S] measured distance of each sample's ray, unit lengths; 0: none.
        incidence: [S] cosine of incidence in 0..1, without gradient.
        truncation: half width of the band, unit lengths.
    """
    left = t_depth - t
    inside = (t_depth > 0) & (left.abs() < truncation)
    error = (sdf - left * incidence).abs() / truncation
    return (error * inside).sum() / inside.sum().clamp_min(1)


def free_space_sdf(sdf: Tensor, t: Tensor, t_depth: Tensor, truncation: float) -> Tensor:
    """Mean violation of what a seen-through point knows, over samples in front of the band, in truncations.

    Such a point is free (sdf > 0, asked with a small floor; Neural RGB-D, Azinovic et al. 2022, Sec. 3.3,
    asks for a whole truncation, which is wrong where another surface passes near the ray), and the surface
    that the ray hits is at most t_depth - t away.

    Args:
        sdf: [S] of the samples, unit lengths.
        t: [S] of the samples along their rays, unit lengths.
        t_depth: [S] measured distance of each sample's ray, unit lengths; 0: none.
        truncation: half width of the band, unit lengths.
    """
    left = t_depth - t
    free = (t_depth > 0) & (left >= truncation)
    violation = torch.relu(0.1 * truncation - sdf) + torch.relu(sdf - left)
    return (violation * free).sum() / (truncation * free.sum().clamp_min(1))


def rendered_depth_l1(distance: Tensor, t_depth: Tensor, opacity: Tensor) -> Tensor:
    """Mean |distance - t_depth| of rays with a measurement that hit something (opacity > 0.5).

    Each counts at most 0.1 unit lengths.

    Args:
        distance: [R] rendered, unit lengths.
        t_depth: [R] measured, unit lengths; 0: none.
        opacity: [R] in 0..1.
    """
    valid = (t_depth > 0) & (opacity.detach() > 0.5)
    error = (distance - t_depth).abs().clamp_max(0.1)
    return (error * valid).sum() / valid.sum().clamp_min(1)
