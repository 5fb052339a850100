"""What every distance field ought to be."""

from __future__ import annotations

from typing import Annotated, Literal

import torch
from torch import Tensor

from neurfield.losses import geometric
from neurfield.losses.seen import Seen
from neurfield.parts import Number, needs


@needs("gradients")
def eikonal(seen: Seen, *, on_rays: Literal["all", "one"] = "all") -> Tensor:
    """Mean (|g| - 1)^2 of gradients: a distance field has unit slope (Gropp et al. 2020).

    Args:
        on_rays: all samples of each ray count, or one of each at random, as in VolSDF and MonoSDF.
    """
    gradients = seen.gradients
    assert gradients is not None
    if on_rays == "one" and seen.of_rays is not None:
        packed = seen.of_rays.samples.packed_info
        start, count = packed[packed[:, 1] > 0].unbind(dim=1)
        share = torch.rand(len(count), generator=seen.moment.generator, device=count.device)
        one = start + (share * count).long().clamp_max(count - 1)
        gradients = torch.cat([gradients[one], gradients[int(packed[:, 1].sum()) :]])
    return geometric.eikonal(gradients)


@needs("pairs")
def smooth(
    seen: Seen,
    *,
    pairs: Annotated[int, Number(least=0)] = 512,
    distance: Annotated[float, Number(above=0.0)] = 0.005,
) -> Tensor:
    """Mean difference of unit normals at points and a small step away (UNISURF, Oechsle et al. 2021, Eq. 11).

    Args:
        pairs: points a step that get a neighbour.
        distance: at most, along each axis, to that neighbour, unit lengths (MonoSDF's).
    """
    assert seen.pairs is not None
    return geometric.normal_smoothness(*seen.pairs)


@needs("samples", "passes.surface")
def surface_bias(
    seen: Seen,
    *,
    behind: Annotated[float, Number(above=0.0)] = 5e-4,
    clear: Annotated[float, Number(above=0.0)] = 0.01,
) -> Tensor:
    """How far from negative a field is behind where opacity sees the surface (NeuRodin, Wang et al. 2024).

    Of the rays that enter the surface somewhere and are still clear of it a step behind their sample of most
    weight; the mean over all rays. Steps are of first order: along the slope at that sample.

    Args:
        behind: the step to where the field ought to be this far below zero, unit lengths.
        clear: the step to where the field must still be positive for a ray to count, unit lengths.
    """
    rays, ray = seen.rays, seen.rays.samples.ray_indices
    sdf, weights = rays.answers.sdf, seen.rendered("surface").weights
    if not len(sdf):
        return 0.0 * sdf.sum()
    rows = len(rays.pixels)
    least = sdf.detach().new_full((rows,), torch.inf).scatter_reduce(0, ray, sdf.detach(), "amin")
    most = weights.new_full((rows,), -1.0).scatter_reduce(0, ray, weights, "amax")
    places = torch.where(weights == most[ray], torch.arange(len(sdf), device=sdf.device), len(sdf))
    first = places.new_full((rows,), len(sdf)).scatter_reduce(0, ray, places, "amin").clamp_max(len(sdf) - 1)
    slope = (rays.answers.gradient[first] * rays.pixels.rays.directions).sum(dim=1).detach()
    counts = (least < 0.0) & (sdf[first].detach() + clear * slope > 0.0)
    return torch.where(counts, torch.relu(sdf[first] + behind * slope + behind), 0.0).mean()
