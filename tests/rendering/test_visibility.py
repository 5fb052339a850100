"""What the filter leaves out does not change the picture."""

from __future__ import annotations

import pytest
import torch

from neurfield.encodings import HashGrid
from neurfield.fields import Radiance, SDFField
from neurfield.rendering.occupancy import OccupancyGrid
from neurfield.rendering.rays import Rays
from neurfield.rendering.sampling import sample_surface
from neurfield.rendering.visibility import keep_visible, select
from neurfield.rendering.volume import render

GRID = {"levels": 4, "log2_table_size": 12, "finest_resolution": 32}


def sphere_and_rays(n: int = 200) -> tuple[SDFField, Rays]:
    field = SDFField(HashGrid(**GRID, interpolation="smoothstep"), hidden=(32, 32))
    field.start_as_sphere(0.5, inside=False)
    generator = torch.Generator().manual_seed(1)
    aim = 0.6 * (2.0 * torch.rand(n, 3, generator=generator) - 1.0)
    origins = torch.tensor([[0.0, 0.0, -1.5]]).expand(n, 3).contiguous()
    directions = torch.nn.functional.normalize(aim - origins, dim=1)
    return field, Rays(origins, directions, torch.zeros(n), torch.full((n,), 3.0), torch.ones(n))


@pytest.mark.parametrize("kind", ["neus", "volsdf"])
def test_fewer_samples_the_same_picture(kind: str) -> None:
    field, rays = sphere_and_rays()
    radiance = Radiance(HashGrid(**GRID), hidden=(16,))
    occupancy = OccupancyGrid([-1.0] * 3 + [1.0] * 3, 16)
    jitter = torch.full((len(rays),), 0.5)
    every = sample_surface(rays, occupancy, step=0.01, reach=1.0, max_samples=400, jitter=jitter)
    kept = keep_visible(field, rays, every, kind=kind, width=0.01)
    assert 0 < len(kept.t_starts) < 0.3 * len(every.t_starts)
    assert (kept.ray_indices[1:] >= kept.ray_indices[:-1]).all()
    assert kept.packed_info[:, 1].sum() == len(kept.t_starts)
    a, b = (render(field, radiance, rays, samples, kind=kind, width=0.01) for samples in (every, kept))
    # Left-out samples weigh less than 1e-3 each; the tails of a grazing ray add up to a little more.
    assert (a.rgb - b.rgb).abs().max() < 0.03
    assert (a.opacity - b.opacity).abs().mean() < 3e-3


def test_no_samples_stay_none() -> None:
    field, rays = sphere_and_rays(5)
    occupancy = OccupancyGrid([-1.0] * 3 + [1.0] * 3, 4)
    occupancy.values.fill_(9.0)
    none = sample_surface(rays, occupancy, step=0.01, reach=0.1, max_samples=8, jitter=torch.zeros(5))
    assert not len(keep_visible(field, rays, none, kind="neus", width=0.01).t_starts)
    nothing = select(none, torch.zeros(0, dtype=torch.bool), 5)
    assert nothing.packed_info.tolist() == [[0, 0]] * 5
