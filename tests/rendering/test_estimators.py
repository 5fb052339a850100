"""nerfacc's estimators in our sampler's place, played by stand-ins with their signatures (0.5.3)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from neurfield.ops.reference.ray_march import march_rays
from neurfield.ops.sections import section_midpoints
from neurfield.rays import Rays, Samples
from neurfield.rendering.estimators import pack, sample_occupied, sample_proposals
from neurfield.rendering.occupancy import OccupancyGrid
from neurfield.rendering.sampling import sample_surface

STEP = 0.05


class OccGridEstimator:
    """Sections of one length in occupied cells, packed ray after ray."""

    def __init__(self, occupied: Tensor, box: list[float]) -> None:
        self.occupied, self.box = occupied, torch.tensor(box)
        self.seen: dict[str, Any] = {}

    def sampling(
        self,
        rays_o: Tensor,
        rays_d: Tensor,
        sigma_fn: Callable[..., Tensor] | None = None,
        alpha_fn: Callable[..., Tensor] | None = None,
        near_plane: float = 0.0,
        far_plane: float = 1e10,
        t_min: Tensor | None = None,
        t_max: Tensor | None = None,
        render_step_size: float = 1e-3,
        early_stop_eps: float = 1e-4,
        alpha_thre: float = 0.0,
        stratified: bool = False,
        cone_angle: float = 0.0,
    ) -> tuple[Tensor, Tensor, Tensor]:
        assert t_min is not None and t_max is not None
        self.seen = {"stratified": stratified, "alpha_thre": alpha_thre}
        found = march_rays(
            rays_o, rays_d, t_min, t_max, self.occupied, self.box, render_step_size,
            torch.zeros(len(rays_o)), 100_000,
        )  # fmt: skip
        return found[:3]


class PropNetEstimator:
    """Sections between quantiles of the first density, looked at in equal steps: one round, no noise."""

    def sampling(
        self,
        prop_sigma_fns: list[Callable[[Tensor, Tensor], Tensor]],
        prop_samples: list[int],
        num_samples: int,
        n_rays: int,
        near_plane: float,
        far_plane: float,
        sampling_type: str = "lindisp",
        stratified: bool = False,
        requires_grad: bool = False,
    ) -> tuple[Tensor, Tensor]:
        assert sampling_type == "uniform" and len(prop_sigma_fns) == len(prop_samples) == 1
        edges = torch.linspace(near_plane, far_plane, prop_samples[0] + 1).expand(n_rays, -1)
        sigma = prop_sigma_fns[0](edges[:, :-1], edges[:, 1:])
        assert sigma.shape == (n_rays, prop_samples[0])
        opacity = 1.0 - torch.exp(-(sigma * edges.diff(dim=1)).cumsum(dim=1))
        cdf = torch.nn.functional.pad(opacity / opacity[:, -1:], (1, 0))
        wanted = torch.linspace(0, 1, num_samples + 1).expand(n_rays, -1).contiguous()
        place = torch.searchsorted(cdf.contiguous(), wanted).clamp(1, prop_samples[0])
        low, high = cdf.gather(1, place - 1), cdf.gather(1, place)
        part = ((wanted - low) / (high - low).clamp_min(1e-6)).clamp(0, 1)
        t = edges.gather(1, place - 1) + part * (far_plane - near_plane) / prop_samples[0]
        return t[:, :-1], t[:, 1:]


def some_rays(count: int = 40) -> Rays:
    random = torch.Generator().manual_seed(0)
    origins = torch.rand(count, 3, generator=random) - 0.5
    directions = torch.nn.functional.normalize(torch.randn(count, 3, generator=random), dim=1)
    t_max = 0.5 + torch.rand(count, generator=random)
    t_max[3] = 0.0  # misses
    return Rays(origins, directions, torch.zeros(count), t_max, torch.ones(count))


def a_grid() -> OccupancyGrid:
    grid = OccupancyGrid([-1.0] * 3 + [1.0] * 3, 16)
    grid.update(lambda points: points.norm(dim=1) - 0.6)
    return grid


def check_packing(samples: Samples, n_rays: int) -> None:
    start, count = samples.packed_info.T
    assert samples.packed_info.shape == (n_rays, 2) and samples.packed_info.dtype == torch.int64
    assert torch.equal(start, count.cumsum(0) - count)
    assert torch.equal(torch.arange(n_rays).repeat_interleave(count), samples.ray_indices)


@pytest.mark.parametrize("most", [1000, 3])
def test_an_occupancy_estimator_samples_as_our_grid_does(most: int) -> None:
    rays, grid = some_rays(), a_grid()
    jitter = torch.rand(len(rays), generator=torch.Generator().manual_seed(1))
    how = {"step": STEP, "reach": 0.05, "max_samples": most, "jitter": jitter}
    ours = sample_surface(rays, grid, **how)
    theirs = sample_surface(rays, OccGridEstimator(grid.occupied(0.05), grid.box), **how)
    check_packing(theirs, len(rays))
    assert torch.equal(theirs.packed_info, ours.packed_info) and ours.packed_info[:, 1].max() >= 3
    torch.testing.assert_close(theirs.t_starts, ours.t_starts)
    torch.testing.assert_close(theirs.t_ends, ours.t_ends)
    assert theirs.packed_info[3, 1] == 0


def test_what_is_given_reaches_the_estimator_and_its_noise_is_off() -> None:
    rays, grid = some_rays(), a_grid()
    estimator = OccGridEstimator(grid.occupied(), grid.box)
    jitter = torch.zeros(len(rays))
    sample_occupied(rays, estimator, step=STEP, jitter=jitter, max_samples=9, alpha_thre=0.01)
    assert estimator.seen == {"stratified": False, "alpha_thre": 0.01}


def test_proposals_lie_in_each_rays_stretch_where_the_density_is() -> None:
    rays = some_rays()
    rays = Rays(rays.origins, rays.directions, rays.t_min + 0.2, rays.t_max + 0.9, rays.z_per_t)
    middle = 0.5 * (rays.t_min + rays.t_max)
    asked = []

    def density(t_starts: Tensor, t_ends: Tensor) -> Tensor:
        asked.append((t_starts, t_ends))
        return 500.0 * torch.exp(-((0.5 * (t_starts + t_ends) - middle[:, None]) / 0.05).square())

    samples = sample_proposals(rays, PropNetEstimator(), [density], proposals=[64], count=12)
    check_packing(samples, len(rays))
    t_starts, t_ends = asked[0]
    torch.testing.assert_close(t_starts[:, 0], rays.t_min)
    torch.testing.assert_close(t_ends[:, -1], rays.t_max)
    start, end = samples.t_starts.view(-1, 12), samples.t_ends.view(-1, 12)
    assert (start >= rays.t_min[:, None] - 1e-6).all() and (end <= rays.t_max[:, None] + 1e-6).all()
    assert (end >= start).all()
    inner = 0.5 * (start + end)[:, 1:-1]
    assert ((inner - middle[:, None]).abs() < 0.2).all()


def test_the_renderer_takes_what_comes_out() -> None:
    rays, grid = some_rays(), a_grid()
    estimator = OccGridEstimator(grid.occupied(), grid.box)
    samples = sample_occupied(rays, estimator, step=STEP, jitter=torch.zeros(len(rays)), max_samples=9)
    where = samples.ray_indices, samples.t_starts, samples.t_ends
    points, t = section_midpoints(rays.origins, rays.directions, *where)
    assert points.shape == (len(t), 3) and len(t) > 0


def test_packing_of_nothing_and_of_int32() -> None:
    nothing = torch.empty(0)
    check_packing(pack(torch.empty(0, dtype=torch.int32), nothing, nothing, 5), 5)
    index, t = torch.tensor([1, 1, 3], dtype=torch.int32), torch.arange(3.0)
    samples = pack(index, t, t + 1, 5)
    check_packing(samples, 5)
    assert samples.packed_info[:, 1].tolist() == [0, 2, 0, 1, 0]
    with pytest.raises(ValueError, match="ascend"):
        pack(torch.tensor([2, 1]), t[:2], t[1:], 5)
