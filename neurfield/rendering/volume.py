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
LEAST_OPACITY = 0.02  # by which the colour of a ray is divided


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


def before(rgb: Tensor, opacity: Tensor, behind: Tensor | None, ended: Tensor | None) -> Tensor:
    """Colours [R, 3] of rays, with `behind` [R, 3] where they are not opaque (None: black).

    The samples of some rays end with the surface that was sensed there, at grazing incidence before they are
    opaque. What such a ray saw counts as all there is: its weights are scaled to a sum of one. Those of the
    samples and of what is behind sum to one for every ray.

    Args:
        rgb: [R, 3], sums of weight times colour. opacity: [R], sums of weights. ended: [R], which rays do.
    """
    if ended is not None:
        whole = torch.where(ended, opacity.clamp_min(LEAST_OPACITY), torch.ones_like(opacity))
        rgb, opacity = rgb / whole[:, None], opacity / whole
    return rgb if behind is None else rgb + (1.0 - opacity)[:, None] * behind


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
