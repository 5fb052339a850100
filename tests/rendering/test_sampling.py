"""Sections of rays: ordered, inside their stretch, around the depth where there is one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from neurfield.ops.ray_march import ray_box
from neurfield.ops.sections import section_midpoints
from neurfield.rays import Rays, Samples, UnitFrame, make_rays
from neurfield.rendering.occupancy import OccupancyGrid
from neurfield.rendering.sampling import concatenate, sample_around_depth, sample_surface

BOX = [-1.0, -1.0, -1.0, 1.0, 1.0, 1.0]


def rays(count: int, seed: int = 0) -> Rays:
    random = np.random.default_rng(seed)
    directions = random.normal(size=(count, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    frame = UnitFrame.around(np.array([[-1.0] * 3, [1.0] * 3]))
    return make_rays(
        0.5 * random.normal(size=(count, 3)), directions, np.ones(count), frame, BOX, torch.device("cpu")
    )


def guided(r: Rays, t_depth: torch.Tensor) -> Samples:
    return sample_around_depth(
        r, t_depth, truncation=0.05, near=6, free=3, generator=torch.Generator().manual_seed(0)
    )


@pytest.mark.parametrize("count", [0, 1, 57])
def test_guided_sections_do_not_overlap_and_cover_the_band(count: int) -> None:
    r = rays(3 * count)
    r = r.take((r.t_max - r.t_min > 0.2).nonzero()[:count, 0])
    assert len(r) == count
    share = torch.rand(count, generator=torch.Generator().manual_seed(1))
    t_depth = torch.lerp(r.t_min + 0.06, r.t_max - 0.06, share)
    samples = guided(r, t_depth)
    starts, ends = samples.t_starts.view(count, 9), samples.t_ends.view(count, 9)
    assert (ends >= starts).all()
    assert (starts[:, 1:] >= ends[:, :-1] - 1e-6).all()
    in_band = (ends - starts)[:, 3:].sum(dim=1)
    assert ((in_band > 0.08) & (in_band <= 0.1001)).all()
    assert (ends[:, -1] > t_depth).all() and (ends[:, :3] <= t_depth[:, None] - 0.05 + 1e-6).all()
    # What is called free space ends where the band begins, even for a depth just before the camera.
    close = guided(r, torch.full((count,), 1e-3))
    assert (close.t_starts >= 0).all()


def test_guided_sections_stay_where_the_ray_is_in_the_box() -> None:
    # Cropped: many rays are blocked before the box, many see through it.
    box = [-0.4, -0.2, -0.5, 0.5, 0.3, 0.1]
    r = rays(300)
    near, far = ray_box(r.origins, r.directions, box)
    hit = far > near
    r = replace(r, t_min=near, t_max=far).take(hit.nonzero()[:, 0])
    t_depth = 2.0 * torch.rand(len(r), generator=torch.Generator().manual_seed(2))
    assert (t_depth < r.t_min).any() and (t_depth > r.t_max).any() and len(r) > 50
    samples = guided(r, t_depth)
    points, t = section_midpoints(
        r.origins, r.directions, samples.ray_indices, samples.t_starts, samples.t_ends
    )
    low, high = torch.tensor(box).view(2, 3)
    assert ((points >= low - 1e-5) & (points <= high + 1e-5)).all()
    assert (samples.t_ends >= samples.t_starts).all() and torch.isfinite(t).all()
    # What lies inside is sampled as ever.
    inside = (t_depth - 0.05 > r.t_min) & (t_depth + 0.05 < r.t_max)
    length = (samples.t_ends - samples.t_starts).view(-1, 9)[inside, 3:].sum(dim=1)
    assert inside.any() and (length > 0.08).all()


def test_two_groups_are_one_packed_set() -> None:
    r = rays(20)
    first = guided(r.take(slice(0, 8)), torch.ones(8))
    occupancy = OccupancyGrid(BOX, 16)  # zeros: everything may hold the surface
    rest = sample_surface(
        r.take(slice(8, 20)), occupancy, step=0.05, reach=0.1, max_samples=64, jitter=torch.rand(12)
    )
    both = concatenate(first, rest, 8)
    counts = torch.bincount(both.ray_indices, minlength=20)
    assert torch.equal(both.packed_info[:, 1], counts)
    assert torch.equal(both.packed_info[:, 0], torch.cumsum(counts, 0) - counts)
    points, t = section_midpoints(r.origins, r.directions, both.ray_indices, both.t_starts, both.t_ends)
    assert points.shape == (len(t), 3) and torch.isfinite(points).all()


def test_frames_invert() -> None:
    frame = UnitFrame.around(np.array([[1.0, 2.0, 3.0], [3.0, 7.0, 4.0]]))
    points = np.random.default_rng(0).normal(size=(9, 3))
    np.testing.assert_allclose(frame.world_from_unit(frame.unit_from_world(points)), points)
    assert frame.box_in_unit(np.array([[1.0, 2.0, 3.0], [3.0, 7.0, 4.0]])) == pytest.approx(
        [-0.4, -1, -0.2, 0.4, 1, 0.2]
    )
