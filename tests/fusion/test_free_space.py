"""What fused maps leave free, what unknown, and what masks alone say of an object."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from neurfield.fusion import FusedVolume, fuse_depth
from neurfield.fusion.hull import HullPoints, outline_distance
from neurfield.fusion.robust import robust_weight, second_views
from neurfield.fusion.volume import known_distance
from neurfield.ops.depth_fusion import DepthViews, depth_votes
from neurfield.ops.surface_depth import surface_depth
from tests.ops.test_depth_fusion import CENTRE, RADIUS, SIDE, sphere_views

FRAMES, VOXEL, TRUNCATION = 40, 0.02, 0.08


def fused(depth: Tensor, **more: object) -> FusedVolume:
    """The sphere's volume, from some depth in place of its own; the grid's corner is at -TRUNCATION."""
    views = sphere_views(FRAMES)
    world_from_cam = np.tile(np.eye(4), (FRAMES, 1, 1))
    pose = views.cam_from_grid.double().numpy()
    world_from_cam[:, :3, :3] = pose[:, :, :3].transpose(0, 2, 1)
    world_from_cam[:, :3, 3] = -np.einsum("nij,nj->ni", world_from_cam[:, :3, :3], pose[:, :, 3])
    box = np.array([[0.0] * 3, [SIDE] * 3])
    return fuse_depth(
        depth, None, None, world_from_cam, views.intrinsics.numpy(), box, VOXEL, TRUNCATION, **more
    )  # type: ignore[arg-type]


def behind_the_sphere() -> Tensor:
    """Its depth, with a wall far behind it, so that space beside it is looked through."""
    depth = sphere_views(FRAMES).depth
    return torch.where(depth > 0, depth, 2.5)


def with_wild_depths(depth: Tensor, share: float = 0.05) -> Tensor:
    generator = torch.Generator().manual_seed(3)
    wild = torch.rand(depth.shape, generator=generator) < share
    return torch.where(wild, 0.2 + 1.6 * torch.rand(depth.shape, generator=generator), depth)


def solid_lost(volume: FusedVolume) -> float:
    """Part of the sphere's volume that lies in free bricks."""
    lattice = (torch.ones(8, 8, 8).nonzero() + 0.5 - 4.0) * volume.voxel
    places = (volume.free[:, None].float() + lattice - CENTRE).norm(dim=2)
    ball = 4.0 / 3.0 * np.pi * (RADIUS / volume.voxel) ** 3
    return float((places < RADIUS).sum()) / ball


def test_wild_depths_cost_no_solid() -> None:
    depth = behind_the_sphere()
    sigma = torch.full_like(depth, VOXEL)
    clean = fused(depth, robust=True, sigma=sigma)
    wild = fused(with_wild_depths(depth), robust=True, sigma=sigma)
    assert solid_lost(clean) == 0.0
    assert solid_lost(wild) < 0.01
    assert len(wild.free) > 0.9 * len(clean.free)  # and cost little of what is free


def test_two_votes_and_a_second_pass_each_keep_solid() -> None:
    # Deep inside nothing is hit, and among 40 views two may be wrong of the same place.
    depth = with_wild_depths(behind_the_sphere())
    volume, views = fused(depth), sphere_views(FRAMES)
    pose = views.cam_from_grid.clone()
    pose[:, :, 3] -= TRUNCATION * pose[:, :, :3].sum(dim=2)
    voting = DepthViews(depth, None, None, pose, views.intrinsics, torch.full_like(depth, VOXEL))
    surface = known_distance(volume.distance, volume.weight_sum)
    places = 2.0 * torch.rand(20000, 3, generator=torch.Generator().manual_seed(0)) + TRUNCATION
    solid = (places - CENTRE - TRUNCATION).norm(dim=1) < RADIUS
    first = depth_votes(voting, places, VOXEL, TRUNCATION)
    second = depth_votes(second_views(voting, volume.row, surface, VOXEL), places, VOXEL, TRUNCATION)
    by_one, by_two, by_both = (
        float(free[solid].float().mean()) for free in (first.free >= 1.0, first.is_free(), second.is_free())
    )
    assert by_one > 0.3 and by_two < 0.5 * by_one and by_both < 0.01
    assert second.is_free()[~solid].float().mean() > 0.95 * first.is_free()[~solid].float().mean()


def test_every_brick_is_free_or_unknown_or_holds_a_surface() -> None:
    volume = fused(behind_the_sphere())
    everything = torch.cat([volume.free, volume.unknown])
    cells = (everything - torch.from_numpy(volume.low)) / (8 * VOXEL)
    assert len(torch.unique(cells.floor(), dim=0)) == len(everything)
    inside = (volume.unknown - CENTRE).norm(dim=1) < RADIUS - TRUNCATION - 8 * VOXEL
    assert inside.any()  # what the sphere holds was not seen
    held = np.prod(volume.row.shape) - len(everything)
    assert 0 < held <= len(volume.bricks)


def test_maps_far_from_the_others_count_less_in_the_second_pass() -> None:
    depth = sphere_views(FRAMES).depth
    near = torch.where((depth > 0) & (torch.arange(FRAMES) % 8 == 0)[:, None, None], depth - 0.05, depth)
    errors = []
    for robust in (False, True):
        points = fused(near, robust=robust, sigma=torch.full_like(depth, 0.005)).surface_points(0.04)
        true = (points.points - CENTRE).norm(dim=1) - RADIUS
        errors.append(float((points.distance - true)[points.weight > 0.5].abs().mean()))
    assert errors[1] < 0.7 * errors[0]


@pytest.mark.parametrize("cut", [0, 1])
def test_pixels_that_share_a_ray_count_as_much_as_with_their_own(cut: int) -> None:
    views = sphere_views(FRAMES)
    volume = fused(behind_the_sphere())
    size = views.depth.shape[1] - cut
    depth = with_wild_depths(views.depth)[:, :size, :size]
    pose = views.cam_from_grid.clone()
    pose[:, :, 3] -= TRUNCATION * pose[:, :, :3].sum(dim=2)
    sigma = torch.full_like(depth, VOXEL)
    own = DepthViews(depth, None, None, pose, views.intrinsics, sigma)
    surface = known_distance(volume.distance, volume.weight_sum)
    shared = second_views(own, volume.row, surface, VOXEL).weight
    seen = surface_depth(volume.row, surface, VOXEL, pose, views.intrinsics, depth > 0)
    exact = robust_weight(torch.where(seen > 0, depth - seen, torch.nan), sigma)
    assert shared is not None and shared.shape == depth.shape
    # Pixels whose neighbours' rays meet the sphere, too: at its outline a shared ray may miss it.
    around = 1.0 - avg_pool2d((seen > 0).float()[:, None], 3, 1, 1)[:, 0]  # beyond the picture none does
    asked = (depth > 0) & (around < 1e-6)
    apart = (shared - exact).abs()[asked]
    assert apart.median() < 0.05 and (apart > 0.2).float().mean() < 0.03
    wild = asked & ((depth - seen).abs() > 10.0 * VOXEL)
    assert wild.any() and shared[wild].max() < 0.05


def test_weights_are_those_of_geman_and_mcclure() -> None:
    sigma = torch.tensor(0.5)
    found = robust_weight(torch.tensor([0.0, 1.0, -2.0, torch.nan]), sigma)
    torch.testing.assert_close(found, torch.tensor([1.0, 0.25, 0.04, 1.0]))


@pytest.fixture(scope="module")
def outline() -> Tensor:
    return torch.stack(
        [torch.from_numpy(outline_distance(d.numpy() > 0)) for d in sphere_views(FRAMES).depth]
    )


def test_the_hull_stands_where_no_map_says_anything(outline: Tensor) -> None:
    nothing = torch.zeros(outline.shape)
    volume = fused(nothing, outline=outline)
    hull = volume.hull
    assert hull is not None and len(hull.points) > 1000 and not len(volume.bricks)
    true = (hull.points - CENTRE).norm(dim=1) - RADIUS
    # Between silhouettes the hull stands a little off the sphere; pixels are as large as a voxel there.
    assert (hull.distance - true).abs().median() < 0.05 and (true > -0.06).all()
    outside = (volume.free - CENTRE).norm(dim=1)
    assert len(outside) and (outside > RADIUS).all()
    inside = (volume.unknown - CENTRE).norm(dim=1)
    assert (inside < 0.3).any()  # never solid, and never free


def around(hull: HullPoints) -> Tensor:
    """Its points near the sphere; in the grid's corners few views show anything."""
    return hull.points[(hull.points - CENTRE).norm(dim=1) < 1.3 * RADIUS]


def test_depth_overrules_the_hull(outline: Tensor) -> None:
    seen = fused(sphere_views(FRAMES).depth, outline=outline)
    alone = fused(torch.zeros(outline.shape), outline=outline)
    assert seen.hull is not None and alone.hull is not None
    assert len(around(seen.hull)) < 0.02 * len(around(alone.hull))  # the surface itself is known
    # A bowl: from above, views look through the hull's top to the middle of the sphere.
    depth = torch.zeros(outline.shape)
    views = sphere_views(FRAMES)
    up = views.cam_from_grid[:, 2, 2] < -0.5  # cameras that look along -z
    middle = (views.cam_from_grid[:, :, :3] @ torch.full((3,), CENTRE) + views.cam_from_grid[:, :, 3])[:, 2]
    depth[up] = torch.where(outline[up] < -5.0, middle[up, None, None], depth[up])
    bowl = fused(depth, outline=outline).hull
    assert bowl is not None
    top, bottom = (
        [int((side * (around(hull)[:, 2] - CENTRE) > 0.42).sum()) for hull in (bowl, alone.hull)]
        for side in (1, -1)
    )
    assert top[0] < 0.2 * top[1] and bottom[0] > 0.5 * bottom[1]


def test_distances_to_an_outline_are_those_of_a_disc() -> None:
    v, u = np.mgrid[:40, :50] + 0.5
    radius = np.hypot(u - 22.0, v - 19.0)
    found = outline_distance(radius < 11.3)
    assert found.dtype == np.float32 and np.abs(found - (radius - 11.3)).max() < 1.0
    assert (outline_distance(np.zeros((3, 4), bool)) == 5.0).all()
    assert (outline_distance(np.ones((3, 4), bool)) == -5.0).all()
