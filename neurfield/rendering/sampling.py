"""Where along a ray the field is asked: near the surface it has now, or near the depth that a sensor saw."""

from __future__ import annotations

import torch
from torch import Tensor

from neurfield.ops.ray_march import march_rays
from neurfield.rays import Rays, Samples
from neurfield.rendering.estimators import Estimator, sample_occupied
from neurfield.rendering.occupancy import OccupancyGrid


def sample_surface(
    rays: Rays,
    occupancy: OccupancyGrid | Estimator,
    *,
    step: float,
    reach: float,
    max_samples: int,
    jitter: Tensor,
) -> Samples:
    """Sections of equal length wherever the occupancy grid cannot rule out a surface nearby.

    An `OccGridEstimator` of nerfacc (or what has its `sampling`) may stand in the grid's place; it knows its
    own cells, and `reach` is not asked for.

    Args:
        rays: R, in the coordinates of the grid's box.
        occupancy: what is known of where the surface is.
        step: length of a section, unit lengths.
        reach: how far from the surface is sampled, unit lengths.
        max_samples: of a ray, at most.
        jitter: [R] in [0, 1), the shift of each ray's sections in steps.
    """
    if not isinstance(occupancy, OccupancyGrid):
        return sample_occupied(rays, occupancy, step=step, jitter=jitter, max_samples=max_samples)
    return Samples(
        *march_rays(
            rays.origins, rays.directions, rays.t_min, rays.t_max, occupancy.occupied(reach), occupancy.box,
            step, jitter, max_samples,
        )
    )  # fmt: skip


def sample_around_depth(
    rays: Rays, t_depth: Tensor, *, truncation: float, near: int, free: int, generator: torch.Generator | None
) -> Samples:
    """Stratified sections: `free` in front of the band around a measured distance and `near` inside it.

    None reaches beyond the ray's stretch in the box, outside of which a field's encoding repeats itself: what
    of the band is not there is cut off, and where nothing is left, the band's sections are empty.

    Args:
        rays: R rays that meet the box.
        t_depth: [R] distance of the seen surface along the ray, unit lengths, all valid.
        truncation: half width of the band, unit lengths.
        near: sections inside the band.
        free: sections in front of it.
        generator: of the noise; None: torch's own.
    """
    n_rays, count = len(rays), free + near
    device = t_depth.device
    start, end = rays.t_min[:, None], rays.t_max[:, None]
    band_start, band_end = (
        torch.minimum(torch.maximum(t[:, None], start), end)
        for t in (t_depth - truncation, t_depth + truncation)
    )
    length = (band_end - band_start) / near  # [R, 1]
    noise = torch.rand(n_rays, count + 1, generator=generator, device=device)
    # The sections in free space are as short as those of the band, with gaps in between: the opacity of a
    # long one would be extrapolated over its whole length, into surfaces that the ray only passes by.
    stratum = (band_start - start) / free
    free_length = torch.minimum(length, stratum)
    free_starts = (
        start + stratum * torch.arange(free, device=device) + (stratum - free_length) * noise[:, :free]
    )
    free_ends = torch.minimum(free_starts + free_length, band_start)
    steps = (torch.arange(near + 1, device=device) + noise[:, free:] - 0.5).clamp(0, near)
    edges = band_start + length * steps  # [R, near + 1] ascending
    t_starts = torch.cat([free_starts, edges[:, :-1]], dim=1)
    t_ends = torch.cat([free_ends, edges[:, 1:]], dim=1)
    index = torch.arange(n_rays, device=device)
    return Samples(
        index.repeat_interleave(count),
        t_starts.reshape(-1),
        t_ends.reshape(-1),
        torch.stack([index * count, torch.full_like(index, count)], dim=1),
    )


def concatenate(first: Samples, second: Samples, rays_of_first: int) -> Samples:
    """Samples of two consecutive groups of rays as one packed set."""
    start, count = second.packed_info.unbind(1)
    behind = torch.stack([start + first.t_starts.shape[0], count], dim=1)
    return Samples(
        torch.cat([first.ray_indices, second.ray_indices + rays_of_first]),
        torch.cat([first.t_starts, second.t_starts]),
        torch.cat([first.t_ends, second.t_ends]),
        torch.cat([first.packed_info, behind]),
    )
