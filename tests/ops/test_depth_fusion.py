"""Depth fusion: native against the plain torch specification, and what a fused sphere must be."""

from __future__ import annotations

import dataclasses
import math

import pytest
import torch
from torch import Tensor

from neurfield.ops import depth_fusion as fusion
from neurfield.ops import native
from neurfield.ops.reference import depth_fusion as reference

needs_native = pytest.mark.skipif(native.module is None, reason="no native kernels in this installation")
RADIUS, CENTRE, SIDE = 0.5, 1.0, 2.0


def look_at_centre(direction: Tensor, distance: float = 0.95) -> Tensor:
    """cam_from_grid [3, 4] of a camera that looks at the middle of the grid."""
    z = -direction / direction.norm()
    x = torch.linalg.cross(z, torch.tensor([0.1, 0.2, 1.0]))
    x = x / x.norm()
    turn = torch.stack([x, torch.linalg.cross(z, x), z])
    position = CENTRE - distance * z
    return torch.cat([turn, -(turn @ position)[:, None]], dim=1)


def sphere_views(frames: int = 14, size: tuple[int, int] = (60, 72), seed: int = 0) -> fusion.DepthViews:
    """Depth and normals of a sphere in the middle of a grid of side SIDE, from around it."""
    generator = torch.Generator().manual_seed(seed)
    poses = torch.stack([look_at_centre(torch.randn(3, generator=generator)) for _ in range(frames)])
    lens = torch.tensor([40.0, 42.0, size[1] / 2, size[0] / 2]).expand(frames, 4).clone()
    v, u = torch.meshgrid(torch.arange(size[0]) + 0.5, torch.arange(size[1]) + 0.5, indexing="ij")
    ray = torch.stack([(u - lens[0, 2]) / 40.0, (v - lens[0, 3]) / 42.0, torch.ones_like(u)], dim=-1)
    depths, normals = [], []
    for pose in poses:
        middle = pose[:, :3] @ torch.full((3,), CENTRE) + pose[:, 3]
        a, b = ray.square().sum(-1), ray @ middle
        inside = b.square() - a * (middle @ middle - RADIUS**2)
        z = torch.where(inside > 0, (b - inside.clamp_min(0.0).sqrt()) / a, torch.zeros_like(b))
        normal = ((z[..., None] * ray - middle) / RADIUS) @ pose[:, :3]
        depths.append(z)
        normals.append(
            torch.cat([127.5 * (normal + 1.0) + 0.5, torch.zeros_like(z)[..., None]], -1).clamp(0, 255)
        )
    weight = torch.rand(frames, *size, generator=generator) + 0.5
    return fusion.DepthViews(torch.stack(depths), weight, torch.stack(normals).to(torch.uint8), poses, lens)


@needs_native
@pytest.mark.parametrize("known", ["weight", "nothing", "sigma"])
def test_native_does_what_the_reference_says(known: str) -> None:
    views = sphere_views(6)
    sigma = 0.1 * torch.rand(views.depth.shape, generator=torch.Generator().manual_seed(1))
    if known == "nothing":
        views = fusion.DepthViews(views.depth, None, None, views.cam_from_grid, views.intrinsics)
    if known == "sigma":
        sigma[:, ::7], sigma[:, 1::7] = math.nan, 0.0
        views = dataclasses.replace(views, sigma=sigma)
    depth, weight, normal, pose, lens = views.tensors()
    voxel, truncation, shape = 0.05, 0.12, (5, 5, 6)
    marks = fusion.touched_bricks(views, shape, voxel, truncation, stride=3)
    expected = reference.touched_bricks(
        depth, pose, lens, 8 * voxel, truncation, 3, torch.zeros(shape, dtype=torch.uint8)
    )
    assert (marks != expected).float().mean() <= 0.02  # a point on a wall between bricks may round either way
    bricks = marks.nonzero().to(torch.int32)
    found = fusion.integrate_depth(views, bricks, voxel, truncation)
    distance, total = torch.full_like(found[0], truncation), torch.zeros_like(found[1])
    means = None if normal is None else torch.zeros_like(found[2])
    maps = (depth, weight, normal, views.sigma, pose, lens)
    reference.integrate(*maps, bricks, voxel, truncation, distance, total, means)
    for got, wanted in zip(found, (distance, total, means)):
        if wanted is not None and got is not None:
            # A voxel between two pixels may take either.
            assert ((got - wanted).abs() > 1e-4).float().mean() < 2e-3


@needs_native
def test_threads_do_not_change_a_bit() -> None:
    views, bricks = sphere_views(5), torch.ones(3, 3, 3).nonzero().to(torch.int32)
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        one = fusion.integrate_depth(views, bricks, 0.05, 0.1)
        torch.set_num_threads(2)
        two = fusion.integrate_depth(views, bricks, 0.05, 0.1)
    finally:
        torch.set_num_threads(threads)
    assert all(torch.equal(a, b) for a, b in zip(one, two) if a is not None and b is not None)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("what", ["depth", "pose", "lens", "weight"])
def test_what_is_no_number_is_survived(value: float, what: str) -> None:
    views = sphere_views(4)
    depth, weight, _, pose, lens = views.tensors()
    assert weight is not None
    {"depth": depth, "pose": pose, "lens": lens, "weight": weight}[what][1] = (
        value  # in the views' own memory
    )
    others = fusion.DepthViews(*(None if t is None else t[[0, 2, 3]] for t in views.tensors()))
    shape = (5, 5, 6)
    marks = fusion.touched_bricks(views, shape, 0.05, 0.12, stride=3)
    known = fusion.touched_bricks(others, shape, 0.05, 0.12, stride=3)
    if what != "weight":  # nothing is seen by a view that is nowhere, or at no finite depth
        assert torch.equal(marks, known)
    assert (fusion.free_bricks(views, shape, 0.05, 0.01) <= 1).all()
    bricks = known.nonzero()
    assert fusion.integrate_depth(views, bricks, 0.05, 0.12)[0].shape == (len(bricks), 512)


@pytest.mark.parametrize("length", [0.0, -1.0, math.nan, math.inf])
def test_lengths_are_checked(length: float) -> None:
    views = sphere_views(1)
    with pytest.raises(ValueError, match="reach"):
        fusion.touched_bricks(views, (2, 2, 2), 0.1, length)
    with pytest.raises(ValueError, match="voxel"):
        fusion.free_bricks(views, (2, 2, 2), length, 0.1)
    with pytest.raises(ValueError, match="truncation"):
        fusion.integrate_depth(views, torch.zeros(1, 3, dtype=torch.int32), 0.1, length)


@pytest.mark.parametrize("sure", [True, False])
def test_noise_moves_no_wall_where_it_is_known(sure: bool) -> None:
    """Depths that are too near must count as much as those too far: else walls lie sigma^2 / 2 T too far."""
    frames, voxel, truncation, sigma, wall = 200, 0.05, 0.3, 0.12, 0.8
    pose = torch.eye(4)[:3].expand(frames, 3, 4).clone()
    pose[:, :, 3] = torch.tensor([-0.4, -0.4, 1.0])
    lens = torch.tensor([20.0, 20.0, 32.0, 32.0]).expand(frames, 4).clone()
    noise = torch.randn(frames, 64, 64, generator=torch.Generator().manual_seed(0))
    depth = 1.0 + wall + sigma * noise
    known = torch.full_like(depth, sigma) if sure else None
    views = fusion.DepthViews(depth, None, None, pose, lens, known)
    bricks = torch.tensor([[0, 0, 1], [0, 0, 2], [1, 1, 1], [1, 1, 2]])
    distance, _, _ = fusion.integrate_depth(views, bricks, voxel, truncation)
    columns = distance.view(2, 2, 8, 8, 8).permute(0, 2, 3, 1, 4).reshape(128, 16)  # along z, from 0.4
    after = (columns < 0).int().argmax(dim=1, keepdim=True)
    before, behind = columns.gather(1, after - 1), columns.gather(1, after)
    met = 0.4 + voxel * (after - 0.5 + before / (before - behind))
    shift = float(met.mean()) - wall
    bias = sigma**2 / (2.0 * truncation)  # to the first order, where sigma is not known
    assert abs(shift) < 0.25 * bias if sure else shift > bias


def test_no_bricks_and_no_frames() -> None:
    views = sphere_views(3)
    distance, total, normals = fusion.integrate_depth(views, torch.zeros(0, 3, dtype=torch.int32), 0.05, 0.1)
    assert distance.shape == total.shape == (0, 512) and normals is not None and normals.shape == (0, 3, 512)
    none = fusion.DepthViews(*(t[:0] for t in views.tensors() if t is not None))
    assert not fusion.touched_bricks(none, (2, 2, 2), 0.1, 0.2).any()


def test_shapes_are_checked() -> None:
    views = sphere_views(2)
    with pytest.raises(ValueError, match="weight"):
        fusion.DepthViews(views.depth, views.depth[:1], None, views.cam_from_grid, views.intrinsics)
    with pytest.raises(ValueError, match="cam_from_grid"):
        fusion.DepthViews(views.depth, None, None, views.cam_from_grid[:1], views.intrinsics)


def test_a_sphere_stays_a_sphere() -> None:
    views = sphere_views(24)
    voxel, truncation = 0.04, 0.12
    marks = fusion.touched_bricks(views, (7, 7, 7), voxel, truncation)
    bricks = marks.nonzero()
    distance, total, normals = fusion.integrate_depth(views, bricks, voxel, truncation)
    lattice = torch.ones(8, 8, 8).nonzero()
    centres = ((bricks[:, None] * 8 + lattice + 0.5) * voxel).reshape(-1, 3) - CENTRE
    true = centres.norm(dim=1) - RADIUS
    near = (true.abs() < voxel) & (total.view(-1) > 0)
    assert near.sum() > 500
    assert (distance.view(-1)[near].sign() == true[near].sign()).float().mean() > 0.9
    assert normals is not None
    along = (normals.transpose(1, 2).reshape(-1, 3)[near] * centres[near]).sum(1) / centres[near].norm(dim=1)
    assert along.mean() > math.cos(0.2)
