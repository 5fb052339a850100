"""nerfacc's estimators in the place of our sampler: what they give, packed as our renderer takes it.

Anything with their methods will do; nerfacc itself is not imported here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from neurfield.rays import Rays, Samples


class Estimator(Protocol):
    """What nerfacc's `OccGridEstimator` and `PropNetEstimator` have, each with arguments of its own."""

    @property
    def sampling(self) -> Callable[..., Any]: ...


Density = Callable[[Tensor, Tensor], Tensor]  # of sections from t_starts to t_ends, [R, k] each


def sample_occupied(
    rays: Rays, estimator: Estimator, *, step: float, jitter: Tensor, max_samples: int, **more: Any
) -> Samples:
    """Sections of length `step` in the cells that an `OccGridEstimator` holds occupied.

    Args:
        rays: R, in the coordinates of the estimator's grid.
        estimator: nerfacc's, or what has its `sampling`.
        step: length of a section.
        jitter: [R] in [0, 1), the shift of each ray's sections in steps, in place of nerfacc's own noise.
        max_samples: the most sections per ray; what lies behind them is left out.
        more: for its `sampling`, for example `alpha_fn` and `alpha_thre`.
    """
    starts = torch.minimum(rays.t_min + jitter * step, rays.t_max)
    ray_indices, t_starts, t_ends = estimator.sampling(
        rays.origins, rays.directions, t_min=starts, t_max=rays.t_max, render_step_size=step, **more
    )
    return pack(ray_indices, t_starts, t_ends, len(rays), max_samples)


def sample_proposals(
    rays: Rays,
    estimator: Estimator,
    densities: Sequence[Density],
    *,
    proposals: Sequence[int],
    count: int,
    stratified: bool = False,
    requires_grad: bool = False,
) -> Samples:
    """Sections by a `PropNetEstimator`, `count` a ray, over each ray's own stretch.

    Args:
        rays: R.
        estimator: nerfacc's, or what has its `sampling`.
        densities: one for each round of proposals, of sections [R, k] in the rays' t.
        proposals: how many sections each round looks at.
        count: sections of a ray in the end.
        stratified: draw where in its stratum a section begins, as nerfacc does.
        requires_grad: whether the proposals' weights are to be differentiated.
    """
    start, length = rays.t_min[:, None], (rays.t_max - rays.t_min)[:, None]

    def in_stretch(density: Density) -> Density:
        return lambda a, b: density(start + a * length, start + b * length) * length

    stretched = [in_stretch(density) for density in densities]
    near, far = estimator.sampling(
        stretched, list(proposals), count, len(rays), 0.0, 1.0, "uniform", stratified, requires_grad
    )
    index = torch.arange(len(rays), device=near.device)
    return Samples(
        index.repeat_interleave(count),
        (start + near * length).reshape(-1),
        (start + far * length).reshape(-1),
        torch.stack([index * count, torch.full_like(index, count)], dim=1),
    )


def pack(
    ray_indices: Tensor, t_starts: Tensor, t_ends: Tensor, n_rays: int, max_samples: int | None = None
) -> Samples:
    """Samples in the order of their rays, with the first and the number of each ray's.

    Args:
        ray_indices: [S] ascending.
        t_starts: [S].
        t_ends: [S].
        n_rays: R.
        max_samples: of a ray, at most; None: all.

    Raises:
        ValueError: the rays do not ascend.
    """
    ray = ray_indices.to(torch.int64)
    count = torch.bincount(ray, minlength=n_rays)
    start = count.cumsum(0) - count
    place = torch.arange(len(ray), device=ray.device) - start[ray]  # among the samples of its ray
    if len(ray) and not bool((ray[1:] >= ray[:-1]).all()):
        raise ValueError("ray_indices: must ascend, ray after ray")
    if max_samples is not None:
        keep = place < max_samples
        ray, t_starts, t_ends = ray[keep], t_starts[keep], t_ends[keep]
        count = count.clamp_max(max_samples)
        start = count.cumsum(0) - count
    return Samples(ray, t_starts.contiguous(), t_ends.contiguous(), torch.stack([start, count], dim=1))
