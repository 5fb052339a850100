"""What the filter leaves out does not change the picture."""

from __future__ import annotations

import pytest
import torch

from neurfield.encodings import HashGrid
from neurfield.fields import FieldSample, Radiance, SDFField
from neurfield.rays import Rays, Samples
from neurfield.rendering.occupancy import OccupancyGrid
from neurfield.rendering.opacity import NeuS, OpacityNow, VolSDF
from neurfield.rendering.sampling import sample_surface
from neurfield.rendering.visibility import MOST_LEFT_OUT, keep_visible, select
from neurfield.rendering.volume import render

GRID = {"levels": 4, "log2_table_size": 12, "finest_resolution": 32}


def opacity_now(kind: str, width: float, anneal: float = 1.0) -> OpacityNow:
    """NeuS annealed so far, or VolSDF."""
    return OpacityNow(NeuS(anneal=1.0) if kind == "neus" else VolSDF(), width, progress=anneal)


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
    now = opacity_now(kind, 0.01)
    kept = keep_visible(field, rays, every, now)
    assert 0 < len(kept.t_starts) < 0.3 * len(every.t_starts)
    assert (kept.ray_indices[1:] >= kept.ray_indices[:-1]).all()
    assert kept.packed_info[:, 1].sum() == len(kept.t_starts)
    a, b = (render(field, radiance, rays, samples, now) for samples in (every, kept))
    assert (a.opacity - b.opacity).abs().mean() < 3e-3


def grazing_rays(n: int = 300) -> Rays:
    """Along a plane z = 0 above x > -1, at a few heights and angles, and from below it upwards."""
    random = torch.Generator().manual_seed(4)
    height = 0.06 * torch.rand(n, generator=random) - 0.03
    climb = 0.2 * torch.rand(n, generator=random) - 0.15
    origins = torch.stack([torch.full((n,), -0.9), torch.zeros(n), height], dim=1)
    directions = torch.stack([torch.ones(n), torch.zeros(n), climb], dim=1)
    directions = torch.nn.functional.normalize(directions, dim=1)
    return Rays(origins, directions, torch.zeros(n), torch.full((n,), 1.8), torch.ones(n))


class Plane:
    """In a field's place: an SDF that is z, with a wave of a few per cent in its slope."""

    def sdf(self, points: torch.Tensor) -> torch.Tensor:
        return points[:, 2] + 0.002 * torch.sin(25.0 * points[:, 0])

    def query(self, points: torch.Tensor, gradient: bool) -> FieldSample:
        tilt = 0.05 * torch.cos(25.0 * points[:, 0])
        slope = torch.stack([tilt, torch.zeros_like(tilt), torch.ones_like(tilt)], dim=1)
        return FieldSample(sdf=self.sdf(points), gradient=slope, feature=points)


@pytest.mark.parametrize("kind", ["neus", "volsdf"])
@pytest.mark.parametrize("anneal", [0.0, 0.5, 1.0])
@pytest.mark.parametrize(("width", "step"), [(0.0015, 0.003), (0.01, 0.008), (0.04, 0.03)])
@pytest.mark.parametrize("surface", ["sphere", "plane"])
def test_what_is_left_out_of_a_pixel_weighs_less_than_said(
    kind: str, anneal: float, width: float, step: float, surface: str
) -> None:
    field, rays = sphere_and_rays() if surface == "sphere" else (Plane(), grazing_rays())
    occupancy = OccupancyGrid([-1.0] * 3 + [1.0] * 3, 32)
    occupancy.update(field.sdf)
    jitter = torch.rand(len(rays), generator=torch.Generator().manual_seed(0))
    every = sample_surface(rays, occupancy, step=step, reach=4 * width, max_samples=900, jitter=jitter)
    now = opacity_now(kind, width, anneal)
    kept = keep_visible(field, rays, every, now)  # type: ignore[arg-type]
    assert len(kept.t_starts) < len(every.t_starts)
    with torch.no_grad():
        a, b = (render(field, white, rays, samples, now) for samples in (every, kept))  # type: ignore[arg-type]
    assert a.opacity.max() > 0.95
    fall = a.opacity - b.opacity
    assert fall.min() > -1e-5 and fall.max() < MOST_LEFT_OUT + 1e-5
    assert (a.rgb - b.rgb).abs().max() < MOST_LEFT_OUT + 1e-5


def test_sections_that_annealing_keeps_half_opaque_are_kept() -> None:
    # Along a surface, neither towards it nor away: clear in the paper's equation, opaque while annealed.
    one = torch.ones(1)
    rays = Rays(torch.zeros(1, 3), torch.tensor([[1.0, 0.0, 0.0]]), 0.0 * one, 0.4 * one, one)
    t = 0.005 * torch.arange(80)
    samples = Samples(torch.zeros(80, dtype=torch.int64), t, t + 0.005, torch.tensor([[0, 80]]))
    opacities = []
    for anneal in (0.0, 1.0):
        now = opacity_now("neus", 0.005, anneal)
        kept = keep_visible(Flat(), rays, samples, now)  # type: ignore[arg-type]
        with torch.no_grad():
            all_, few = (render(Flat(), white, rays, s, now) for s in (samples, kept))  # type: ignore[arg-type]
        opacities.append((float(all_.opacity), float(few.opacity)))
    (annealed, kept_of_it), (sharp, _) = opacities
    assert annealed > 0.97 and kept_of_it > annealed - MOST_LEFT_OUT and sharp < 1e-6


class Flat(Plane):
    def sdf(self, points: torch.Tensor) -> torch.Tensor:
        return points[:, 2]

    def query(self, points: torch.Tensor, gradient: bool) -> FieldSample:
        up = torch.tensor([[0.0, 0.0, 1.0]]).expand(len(points), 3).contiguous()
        return FieldSample(sdf=self.sdf(points), gradient=up, feature=points)


class White:
    """In a radiance's place."""

    def encode_views(self, directions: torch.Tensor) -> torch.Tensor:
        return directions

    def __call__(self, points: torch.Tensor, *_: torch.Tensor, **__: torch.Tensor) -> torch.Tensor:
        return torch.ones_like(points)


white = White()


@pytest.mark.parametrize("width", [0.0, -0.01])
@pytest.mark.parametrize("kind", ["neus", "volsdf"])
def test_a_width_that_is_not_positive_is_refused(kind: str, width: float) -> None:
    field, rays = sphere_and_rays(5)
    occupancy = OccupancyGrid([-1.0] * 3 + [1.0] * 3, 4)
    some = sample_surface(rays, occupancy, step=0.1, reach=0.1, max_samples=8, jitter=torch.zeros(5))
    with pytest.raises(ValueError, match="width"):
        keep_visible(field, rays, some, opacity_now(kind, width))


def test_no_samples_stay_none() -> None:
    field, rays = sphere_and_rays(5)
    occupancy = OccupancyGrid([-1.0] * 3 + [1.0] * 3, 4)
    occupancy.values.fill_(9.0)
    none = sample_surface(rays, occupancy, step=0.01, reach=0.1, max_samples=8, jitter=torch.zeros(5))
    assert not len(keep_visible(field, rays, none, opacity_now("neus", 0.01)).t_starts)
    nothing = select(none, torch.zeros(0, dtype=torch.bool), 5)
    assert nothing.packed_info.tolist() == [[0, 0]] * 5
