"""Where rays are sampled: sections of equal length in the occupied cells of a grid."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from neurfield.ops import native
from neurfield.ops.eager import eager
from neurfield.ops.reference import ray_march as reference


@eager
@torch.no_grad()
def march_rays(
    origins: Tensor,
    directions: Tensor,
    t_min: Tensor,
    t_max: Tensor,
    occupancy: Tensor,
    box: Sequence[float] | Tensor,
    step: float,
    jitter: Tensor,
    max_samples: int,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Sections of length `step` along R rays, kept where their midpoint lies in an occupied cell.

    Section k of a ray covers t_min + (jitter + k) * step and the `step` after it; it is kept if its midpoint
    lies within [t_min, t_max), inside the box, and in an occupied cell. The lattice of a ray stays the same
    whatever is skipped, and consecutive sections share their border exactly. Same input, same output, in any
    number of threads.

    Args:
        origins, directions: [R, 3] in the frame of the box; t counts in lengths of the direction.
        t_min, t_max: [R] stretch of each ray; an empty one (t_max <= t_min) yields no sample.
        occupancy: uint8 [X, Y, Z] (z fastest), not 0 where occupied.
        box: six numbers, xmin ymin zmin xmax ymax zmax (or [2, 3]) of the whole grid.
        step: length of a section, in t.
        jitter: [R] in [0, 1), the shift of each ray's lattice in steps.
        max_samples: the most sections per ray; what lies behind them is left out.

    Returns:
        ray_indices int64 [S] ascending, t_starts [S], t_ends [S], packed_info int64 [R, 2] (start, count).

    Raises:
        ValueError: shapes disagree, `step` is not positive, or the box is empty.

    Example:
        >>> origins, directions = torch.tensor([[-2.0, 0.0, 0.0]]), torch.tensor([[1.0, 0.0, 0.0]])
        >>> box = (-1.0, -1.0, -1.0, 1.0, 1.0, 1.0)
        >>> t_near, t_far = ray_box(origins, directions, box)
        >>> occupancy = torch.zeros(4, 4, 4, dtype=torch.uint8)
        >>> occupancy[2] = 1  # 0 <= x < 0.5
        >>> rays, t_starts, t_ends, packed_info = march_rays(
        ...     origins, directions, t_near, t_far, occupancy, box, 0.25, torch.zeros(1), max_samples=64
        ... )
        >>> t_starts, packed_info
        (tensor([2.0000, 2.2500]), tensor([[0, 2]]))
    """
    bounds = torch.as_tensor(box, dtype=origins.dtype).reshape(-1)  # numbers of the host, as a rule
    _check(origins, directions, t_min, t_max, occupancy, bounds, step, jitter)
    tensors = [t.detach().contiguous() for t in (origins, directions, t_min, t_max, occupancy, jitter)]
    origins, directions, t_min, t_max, occupancy, jitter = tensors
    kernels = native.kernels(*tensors)
    if kernels is None:
        box_there = bounds.to(origins.device)
        return reference.march_rays(
            origins, directions, t_min, t_max, occupancy, box_there, step, jitter, max_samples
        )
    if hasattr(kernels, "march_count"):
        rays = (origins, directions, t_min, t_max)
        return _march_twice(kernels, rays, occupancy, bounds.tolist(), step, jitter, max_samples)
    bounds = bounds.cpu()
    march = kernels.RayMarch(origins, directions, t_min, t_max, occupancy, bounds, step, jitter, max_samples)
    ray_indices = torch.empty(march.n_samples, dtype=torch.int64, device=origins.device)
    t_starts, t_ends = origins.new_empty(march.n_samples), origins.new_empty(march.n_samples)
    packed_info = torch.empty(origins.shape[0], 2, dtype=torch.int64, device=origins.device)
    march.fill(ray_indices, t_starts, t_ends, packed_info)
    return ray_indices, t_starts, t_ends, packed_info


def _march_twice(
    kernels: Any,
    rays: tuple[Tensor, ...],
    occupancy: Tensor,
    box: list[float],
    step: float,
    jitter: Tensor,
    max_samples: int,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """On a GPU: count, add up, write. The total is read back, which every marcher of packed samples must."""
    any_in = occupancy.new_empty([-(-n // 8) for n in occupancy.shape])
    kernels.march_bricks(occupancy, any_in)
    how = (*rays, occupancy, any_in, box, step, jitter, max_samples)
    counts = torch.empty(len(jitter), dtype=torch.int64, device=jitter.device)
    kernels.march_count(*how, counts)
    ends = counts.cumsum(0)
    packed_info = torch.stack([ends - counts, counts], dim=1)
    total = int(ends[-1]) if len(ends) else 0
    ray_indices = counts.new_empty(total)
    t_starts, t_ends = jitter.new_empty(total), jitter.new_empty(total)
    kernels.march_fill(*how, packed_info, ray_indices, t_starts, t_ends)
    return ray_indices, t_starts, t_ends, packed_info


def ray_box(origins: Tensor, directions: Tensor, box: Sequence[float] | Tensor) -> tuple[Tensor, Tensor]:
    """Where rays enter and leave a box: t_near >= 0 and t_far, [R]; t_far < t_near where a ray misses.

    Args:
        origins, directions: [R, 3]; t counts in lengths of the direction.
        box: six numbers, xmin ymin zmin xmax ymax zmax (or [2, 3]).
    """
    native.one_device(origins, directions)
    low, high = torch.as_tensor(box, dtype=origins.dtype, device=origins.device).reshape(2, 3)
    along = directions == 0  # such an axis only decides between hit and miss
    inverse = 1.0 / torch.where(along, torch.ones_like(directions), directions)
    a, b = (low - origins) * inverse, (high - origins) * inverse
    never = torch.where((origins >= low) & (origins <= high), -torch.inf, torch.inf).to(origins.dtype)
    near = torch.where(along, never, torch.minimum(a, b)).amax(dim=1)
    far = torch.where(along, -never, torch.maximum(a, b)).amin(dim=1)
    return near.clamp_min(0.0), far


def _check(
    origins: Tensor,
    directions: Tensor,
    t_min: Tensor,
    t_max: Tensor,
    occupancy: Tensor,
    bounds: Tensor,
    step: float,
    jitter: Tensor,
) -> None:
    n_rays = origins.shape[0]
    for name, tensor in (("origins", origins), ("directions", directions)):
        if tensor.shape != (n_rays, 3):
            raise ValueError(f"{name}: must be [R, 3] with R = {n_rays}, got {tuple(tensor.shape)}")
    for name, tensor in (("t_min", t_min), ("t_max", t_max), ("jitter", jitter)):
        if tensor.shape != (n_rays,):
            raise ValueError(f"{name}: must be [R] with R = {n_rays}, got {tuple(tensor.shape)}")
    if occupancy.dim() != 3 or occupancy.dtype != torch.uint8 or not occupancy.numel():
        raise ValueError(
            f"occupancy: must be uint8 [X, Y, Z], got {occupancy.dtype} {tuple(occupancy.shape)}"
        )
    extent = bounds[3:] - bounds[:3]
    if bounds.shape != (6,) or not bool((extent.isfinite() & (extent > 0)).all()):
        raise ValueError(f"box: must be six numbers, low corner then high corner, got {bounds.tolist()}")
    if not step > 0:
        raise ValueError(f"step: must be positive, got {step}")
