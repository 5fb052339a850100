"""Samples that a pixel can see: the few that matter are found by the field's value alone, before gradients
are asked for."""

from __future__ import annotations

import torch
from torch import Tensor

from neurfield.fields import SDFField
from neurfield.ops.compositing import render_weights_from_alpha
from neurfield.ops.reference.opacity import volsdf_alpha
from neurfield.ops.sections import section_midpoints
from neurfield.rendering.rays import Rays, Samples

LEAST_WEIGHT = 1e-3


@torch.no_grad()
def keep_visible(
    field: SDFField, rays: Rays, samples: Samples, *, kind: str, width: float, least: float = LEAST_WEIGHT
) -> Samples:
    """The samples that weigh at least `least` in their pixel, and the one before and after each such sample.

    A value costs a sixth of a value with all its derivatives, so that asking twice is cheaper than training
    on samples in empty space or behind the surface. What is left out weighs next to nothing: the rendered
    pixel does not change by more than that.
    """
    if not samples.t_starts.numel():
        return samples
    points, _ = section_midpoints(
        rays.origins, rays.directions, samples.ray_indices, samples.t_starts, samples.t_ends
    )
    sdf = field.sdf(points)
    ray = samples.ray_indices
    same = ray[1:] == ray[:-1]
    if kind == "neus":
        # 1 - Phi(next) / Phi(here) from one midpoint to the next; a ray's last section goes on as if at its
        # end.
        log_phi = torch.nn.functional.logsigmoid(sdf / width)
        alpha = torch.zeros_like(sdf)
        alpha[:-1] = torch.where(same, -torch.expm1((log_phi[1:] - log_phi[:-1]).clamp_max(0.0)), alpha[:-1])
    else:
        alpha = volsdf_alpha(sdf, samples.t_ends - samples.t_starts, width)
    keep = render_weights_from_alpha(alpha, packed_info=samples.packed_info) >= least
    beside = keep.clone()
    beside[1:] |= keep[:-1] & same
    beside[:-1] |= keep[1:] & same
    return select(samples, beside, len(rays))


def select(samples: Samples, keep: Tensor, n_rays: int) -> Samples:
    """The samples where `keep` [S] is true, still packed ray after ray."""
    kept = keep.nonzero()[:, 0]  # once: how many there are is a thing that a GPU has to be waited for
    ray = samples.ray_indices[kept]
    count = torch.zeros(n_rays, dtype=torch.int64, device=ray.device).index_add_(0, ray, torch.ones_like(ray))
    start = count.cumsum(0) - count
    return Samples(ray, samples.t_starts[kept], samples.t_ends[kept], torch.stack([start, count], dim=1))
