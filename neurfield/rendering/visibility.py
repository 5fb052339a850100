"""Samples that a pixel can see.

The few that matter are found by the field's value alone, before gradients are asked for.
"""

from __future__ import annotations

import torch
from torch import Tensor

from neurfield.fields.protocols import Distances
from neurfield.ops.compositing import accumulate_along_rays, render_transmittance_from_alpha
from neurfield.ops.sections import section_midpoints
from neurfield.rays import Rays, Samples
from neurfield.rendering.opacity import OpacityNow

LEAST_WEIGHT = 2e-3  # of a sample
MOST_LEFT_OUT = 1e-2  # of a pixel, by all samples together that it loses


@torch.no_grad()
def keep_visible(
    field: Distances,
    rays: Rays,
    samples: Samples,
    opacity: OpacityNow,
    *,
    least: float = LEAST_WEIGHT,
    most: float = MOST_LEFT_OUT,
) -> Samples:
    """The samples that a pixel can see: those that weigh something in it, and their neighbours.

    They are those that weigh at least `least`, the one before and after each such sample, and lighter ones
    where together they weigh more than `most`.

    A value costs a sixth of a value with all its derivatives, so that asking twice is cheaper than training
    on samples in empty space or behind the surface. What is left out of a ray weighs less than `most`: its
    opacity falls by less than that, and so does each of its colours change. The weights are those of
    `opacity`. The slope along the ray, on which it may depend, is between those from the section before to
    the section and from there to the next, where it goes on increasing or decreasing over the three; samples
    count with the most that they can then weigh. A section without neighbours counts as one of a distance
    field, with slopes from -1 to 1.

    Args:
        field: asked for its value alone, in the middle of each section.
        rays: R.
        samples: S sections of them.
        opacity: at the moment of the fit.
        least: weight of a sample.
        most: weight that a pixel loses by all samples together.
    """
    if not samples.t_starts.numel():
        return samples
    ray = samples.ray_indices
    points, t = section_midpoints(rays.origins, rays.directions, ray, samples.t_starts, samples.t_ends)
    sdf = field.sdf(points)
    dense, clear = opacity.bounds(sdf, _slopes(sdf, t, samples), rays, samples)
    packing = samples.packed_info
    weight = render_transmittance_from_alpha(clear, packed_info=packing) * dense
    keep = _with_neighbours(~(weight < least), ray)  # what is no number is kept, to be noticed
    lost = accumulate_along_rays(weight * ~keep, packed_info=packing)[:, 0]  # [R]
    share = most / packing[:, 1].clamp_min(1)
    keep |= (lost > most)[ray] & (weight >= share[ray])
    return select(samples, keep, len(rays))


def _slopes(sdf: Tensor, t: Tensor, samples: Samples) -> tuple[Tensor, Tensor]:
    """The lesser and the greater of the slopes to the sections beside each, [S] both."""
    ray, starts, ends = samples.ray_indices, samples.t_starts, samples.t_ends
    step = t[1:] - t[:-1]
    touch = (ray[1:] == ray[:-1]) & (starts[1:] - ends[:-1] <= 0.5 * (ends - starts)[1:]) & (step > 0.0)
    slope = (sdf[1:] - sdf[:-1]) / torch.where(touch, step, torch.ones_like(step))
    none = sdf.new_full((1,), torch.inf)
    least, most = (torch.where(touch, slope, bound) for bound in (none, -none))
    lowest = torch.minimum(torch.cat([none, least]), torch.cat([least, none]))
    highest = torch.maximum(torch.cat([-none, most]), torch.cat([most, -none]))
    alone = lowest > highest
    return torch.where(alone, -1.0, lowest), torch.where(alone, 1.0, highest)


def _with_neighbours(keep: Tensor, ray: Tensor) -> Tensor:
    """`keep` [S], and the samples before and after those on the same ray."""
    same = ray[1:] == ray[:-1]
    beside = keep.clone()
    beside[1:] |= keep[:-1] & same
    beside[:-1] |= keep[1:] & same
    return beside


def select(samples: Samples, keep: Tensor, n_rays: int) -> Samples:
    """The samples where `keep` [S] is true, still packed ray after ray."""
    index = keep.nonzero()[:, 0]  # once: how many there are is a thing that a GPU has to be waited for
    ray = samples.ray_indices[index]
    count = torch.zeros(n_rays, dtype=torch.int64, device=ray.device).index_add_(0, ray, torch.ones_like(ray))
    start = count.cumsum(0) - count
    return Samples(ray, samples.t_starts[index], samples.t_ends[index], torch.stack([start, count], dim=1))
