"""Rays and a field to pixels: query, opacity, colour, composite."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from neurfield.ops.compositing import render_weights_from_alpha
from neurfield.ops.sections import composite_surface, section_midpoints
from neurfield.rays import Rays, Samples
from neurfield.rendering.opacity import OpacityNow

if TYPE_CHECKING:
    from neurfield.fields import FieldSample, Radiance, SDFField

# Samples with less weight are not asked for their colour: together they change a pixel by less than its 8-bit
# step.
COLOR_WEIGHT = 2e-4
LEAST_OPACITY = 0.02  # by which the colour of a ray is divided


@dataclass(frozen=True)
class Answers:
    """What the field says in the middle of each of S sections, t [S] along the rays, and at E further points:
    sdf [S], gradient [S, 3], heads {name: [S, K]}, and everything [S + E]."""

    t: Tensor
    sdf: Tensor
    gradient: Tensor
    heads: dict[str, Tensor]
    everywhere: FieldSample


@dataclass(frozen=True)
class Rendered:
    """Per ray: rgb [R, 3], distance [R] (expected t of what was hit), normal [R, 3] (not unit), opacity [R];
    per sample: weights [S] (without gradient), and what the field answered, `answers`."""

    rgb: Tensor
    distance: Tensor
    normal: Tensor
    opacity: Tensor
    weights: Tensor
    answers: Answers


def before(rgb: Tensor, opacity: Tensor, behind: Tensor | None, ended: Tensor | None) -> Tensor:
    """Colours [R, 3] of rays, with `behind` [R, 3] where they are not opaque (None: black).

    The samples of some rays end with the surface that was sensed there, at grazing incidence before they are
    opaque. What such a ray saw counts as all there is: its weights are scaled to a sum of one. Those of the
    samples and of what is behind sum to one for every ray.

    Args:
        rgb: [R, 3], sums of weight times colour.
        opacity: [R], sums of weights.
        ended: [R], which rays do; None: none.
    """
    if ended is not None:
        whole = torch.where(ended, opacity.clamp_min(LEAST_OPACITY), torch.ones_like(opacity))
        rgb, opacity = rgb / whole[:, None], opacity / whole
    return rgb if behind is None else rgb + (1.0 - opacity)[:, None] * behind


def render(
    field: SDFField,
    color: Radiance,
    rays: Rays,
    samples: Samples,
    opacity: OpacityNow,
    extra_points: Tensor | None = None,
) -> Rendered:
    """Volume-render packed samples; `extra_points` [E, 3] join the same field query (for losses on points off
    the rays)."""
    return render_passes(field, color, rays, samples, {"surface": opacity}, extra_points)["surface"]


def render_passes(
    field: SDFField,
    color: Radiance,
    rays: Rays,
    samples: Samples,
    passes: Mapping[str, OpacityNow],
    extra_points: Tensor | None = None,
) -> dict[str, Rendered]:
    """The same samples with one or several opacities: field and colour are asked once.

    Colours are those of the first pass's normals, and are asked for where any pass gives a sample weight.
    """
    points, t = section_midpoints(
        rays.origins, rays.directions, samples.ray_indices, samples.t_starts, samples.t_ends,
        extra=extra_points,
    )  # fmt: skip
    n_samples = t.shape[0]
    everywhere = field.query(points, gradient=True)
    assert everywhere.gradient is not None
    sdf, gradient = everywhere.sdf[:n_samples], everywhere.gradient[:n_samples]
    heads = {name: values[:n_samples] for name, values in everywhere.heads.items()}
    opaque = {label: now.of_sections(sdf, gradient, rays, samples) for label, now in passes.items()}
    with torch.no_grad():
        likely = [
            render_weights_from_alpha(alpha.detach(), packed_info=samples.packed_info)
            for alpha, _ in opaque.values()
        ]
        most = likely[0] if len(likely) == 1 else torch.stack(likely).amax(dim=0)
        counted = (most > COLOR_WEIGHT).nonzero()[:, 0]
    _, normal = next(iter(opaque.values()))
    rgb = color(
        points[:n_samples], everywhere.feature[:n_samples], normal, color.encode_views(rays.directions),
        rays=samples.ray_indices, counted=counted,
    )  # fmt: skip
    answers = Answers(t, sdf, gradient, heads, everywhere)
    return {
        label: _rendered(alpha, rgb, normal, answers, samples) for label, (alpha, normal) in opaque.items()
    }


def _rendered(alpha: Tensor, rgb: Tensor, normal: Tensor, answers: Answers, samples: Samples) -> Rendered:
    pixels, weights = composite_surface(alpha, rgb, normal, answers.t, samples.packed_info)
    opacity = pixels[:, 7]
    distance = pixels[:, 6] / opacity.clamp_min(1e-4)
    return Rendered(pixels[:, :3], distance, pixels[:, 3:6], opacity, weights, answers)
