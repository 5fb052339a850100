"""Rays and a field to pixels: query, opacity, colour, composite."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from neurfield.fields import Radiance, SDFField
from neurfield.ops.compositing import render_weights_from_alpha
from neurfield.ops.sections import composite_surface, section_midpoints, section_opacity
from neurfield.rendering.rays import Rays, Samples

# Samples with less weight are not asked for their colour: together they change a pixel by less than its 8-bit
# step.
COLOR_WEIGHT = 2e-4


@dataclass(frozen=True)
class Rendered:
    """Per ray: rgb [R, 3], distance [R] (expected t of what was hit), normal [R, 3] (not unit), opacity [R];
    per sample: sdf, gradient,
    t, weights (without gradient); and what the extra points gave (extra_gradient [E, 3])."""

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
    sections = samples.t_starts, samples.t_ends
    points, t = section_midpoints(
        rays.origins, rays.directions, samples.ray_indices, *sections, extra=extra_points
    )
    n_samples = t.shape[0]
    everywhere = field.query(points, gradient=True)
    assert everywhere.gradient is not None
    sdf, gradient = everywhere.sdf[:n_samples], everywhere.gradient[:n_samples]
    alpha, normal = section_opacity(
        sdf, gradient, *sections, rays.directions, samples.ray_indices, kind=kind, width=width, anneal=anneal
    )
    with torch.no_grad():
        likely = render_weights_from_alpha(alpha.detach(), packed_info=samples.packed_info)
        counted = (likely > COLOR_WEIGHT).nonzero()[:, 0]
    rgb = radiance(
        points[:n_samples], everywhere.feature[:n_samples], normal, radiance.encode_views(rays.directions),
        rays=samples.ray_indices, counted=counted,
    )  # fmt: skip
    pixels, weights = composite_surface(alpha, rgb, normal, t, samples.packed_info)
    opacity = pixels[:, 7]
    return Rendered(
        pixels[:, :3],
        pixels[:, 6] / opacity.clamp_min(1e-4),
        pixels[:, 3:6],
        opacity,
        sdf,
        gradient,
        t,
        weights,
        everywhere.gradient[n_samples:],
    )
