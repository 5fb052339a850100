"""The ray march in plain torch: try every section of the lattice, keep those in occupied cells."""

from __future__ import annotations

import torch
from torch import Tensor

_SECTIONS_AT_ONCE = 1 << 22


def march_rays(
    origins: Tensor,
    directions: Tensor,
    t_min: Tensor,
    t_max: Tensor,
    occupancy: Tensor,
    box: Tensor,
    step: float,
    jitter: Tensor,
    max_samples: int,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """(ray_indices [S], t_starts [S], t_ends [S], packed_info [R, 2]); see `neurfield.ops.march_rays`."""
    n_rays = origins.shape[0]
    low, high = box[:3], box[3:]
    size = torch.tensor(occupancy.shape, device=origins.device)  # [3]
    centre, reach = 0.5 * (low + high), 0.5 * (high - low).norm()
    # No point of the box is farther along a ray than this; it bounds the lattice where t_max does not.
    limit = ((centre - origins).norm(dim=1) + reach) / directions.norm(dim=1)  # [R]
    # A ray that is nowhere or goes nowhere has no sections.
    last = torch.minimum(t_max, limit)
    numbers = torch.stack([*origins.unbind(1), *directions.unbind(1), t_min, last, jitter])
    real = numbers.isfinite().all(dim=0)
    sections = torch.where(real, (last - t_min) / step, torch.zeros_like(last))
    longest = int(sections.clamp_min(0.0).ceil().amax()) + 1 if n_rays else 0
    k = torch.arange(longest, device=origins.device, dtype=origins.dtype)  # [K]

    kept = [torch.empty(0, 2, dtype=torch.int64, device=origins.device)]
    rays_at_once = max(1, _SECTIONS_AT_ONCE // max(1, longest))
    for first in range(0, n_rays, rays_at_once):
        rays = slice(first, first + rays_at_once)
        t = t_min[rays, None] + (jitter[rays, None] + k + 0.5) * step  # [r, K] midpoints
        points = origins[rays, None] + directions[rays, None] * t[..., None]  # [r, K, 3]
        inside = (
            ((points >= low) & (points <= high)).all(dim=2)
            & (t >= t_min[rays, None])
            & (t < t_max[rays, None])
            & real[rays, None]
        )
        cell = ((points - low) / (high - low) * size).long()  # [r, K, 3]
        cell = torch.minimum(cell.clamp_min(0), size - 1)
        keep = inside & (occupancy[cell[..., 0], cell[..., 1], cell[..., 2]] != 0)
        keep &= keep.cumsum(dim=1) <= max_samples
        found = keep.nonzero()  # [s, 2] ray, k
        kept.append(found + torch.tensor([first, 0], device=found.device))
    ray_indices, place = torch.cat(kept).unbind(1)
    # One formula for either end, so that neighbours meet exactly.
    start, end = (t_min[ray_indices] + (jitter[ray_indices] + edge) * step for edge in (place, place + 1))
    counts = torch.bincount(ray_indices, minlength=n_rays)  # [R]
    packed_info = torch.stack([counts.cumsum(0) - counts, counts], dim=1)
    return ray_indices, start, end, packed_info
