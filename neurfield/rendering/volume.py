"""Rays and a field to pixels: query, opacity, colour, composite."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import normalize

from neurfield.fields import Radiance, SDFField
from neurfield.ops.compositing import composite, render_weights_from_alpha
from neurfield.rendering.opacity import neus_alpha, volsdf_alpha
from neurfield.rendering.rays import Rays, Samples

# Samples with less weight are not asked for their colour: together they change a pixel by less than its 8-bit
# step.
COLOR_WEIGHT = 2e-4


@dataclass(frozen=True)
class Rendered:
    """Per ray: rgb [R, 3], distance [R] (expected t of what was hit), normal [R, 3] (not unit), opacity [R];
    per sample: sdf, gradient,
    t, weights; and what the extra points gave (extra_gradient [E, 3])."""

    rgb: Tensor
    distance: Tensor
    normal: Tensor
    opacity: Tensor
    sdf: Tensor
    gradient: Tensor
    t: Tensor
    weights: Tensor
    extra_gradient: Tensor


def render(
    field: SDFField,
    radiance: Radiance,
    rays: Rays,
    samples: Samples,
    *,
    kind: str,
    width: Tensor | float,
    anneal: float = 1.0,
    extra_points: Tensor | None = None,
) -> Rendered:
    """Volume-render packed samples; `extra_points` [E, 3] join the same field query (for losses on points off
    the rays)."""
    points, t = samples.midpoints(rays)
    n_samples = points.shape[0]
    queried = points if extra_points is None else torch.cat([points, extra_points])
    everywhere = field.query(queried, gradient=True)
    assert everywhere.gradient is not None
    sdf, gradient = everywhere.sdf[:n_samples], everywhere.gradient[:n_samples]
    normal = normalize(gradient, dim=1, eps=1e-6)
    length = samples.t_ends - samples.t_starts
    directions = rays.directions[samples.ray_indices]
    if kind == "neus":
        slope = (gradient * directions).sum(dim=1)
        alpha = neus_alpha(sdf, slope, length, width, anneal)
    else:
        alpha = volsdf_alpha(sdf, length, width)
    with torch.no_grad():
        counted = (
            render_weights_from_alpha(alpha.detach(), packed_info=samples.packed_info) > COLOR_WEIGHT
        ).nonzero()[:, 0]
    views = radiance.encode_views(rays.directions)[samples.ray_indices[counted]]
    seen = radiance(points[counted], everywhere.feature[:n_samples][counted], normal[counted], views)
    rgb = torch.zeros_like(points).index_copy(0, counted, seen)
    values = torch.cat([rgb, normal, t[:, None]], dim=1)  # [S, 7] one pass per ray for all of them
    pixels, opacity, weights = composite(alpha, values, samples.packed_info)
    distance = pixels[:, 6] / opacity.clamp_min(1e-4)
    return Rendered(
        pixels[:, :3],
        distance,
        pixels[:, 3:6],
        opacity,
        sdf,
        gradient,
        t,
        weights,
        everywhere.gradient[n_samples:],
    )
