"""Fused depth as points: a sphere seen from around gives back its own distance and normals."""

from __future__ import annotations

import numpy as np
import torch

from neurfield.fusion import FusedVolume, fuse_depth
from tests.ops.test_depth_fusion import CENTRE, RADIUS, SIDE, sphere_views

LOW = np.array([3.0, -2.0, 1.0])  # of the grid that the views are given in


def fused(voxel: float = 0.03, truncation: float = 0.1) -> FusedVolume:
    views = sphere_views(32)
    world_from_cam = np.tile(np.eye(4), (32, 1, 1))
    cam_from_grid = views.cam_from_grid.double().numpy()
    world_from_cam[:, :3, :3] = cam_from_grid[:, :, :3].transpose(0, 2, 1)
    position = -np.einsum("nij,nj->ni", world_from_cam[:, :3, :3], cam_from_grid[:, :, 3])
    world_from_cam[:, :3, 3] = position + LOW
    box = np.stack([LOW, LOW + SIDE])
    return fuse_depth(
        views.depth,
        views.weight,
        views.normal,
        world_from_cam,
        views.intrinsics.numpy(),
        box,
        voxel,
        truncation,
    )


def test_points_know_their_distance_and_normal() -> None:
    points = fused().surface_points(0.05)
    offset = points.points - torch.from_numpy(LOW).float() - CENTRE
    true = offset.norm(dim=1) - RADIUS
    assert len(true) > 2000
    trusted = points.weight > 0.5
    # Projective distances overshoot by the slant; the correction by the slope leaves a fraction of a voxel.
    assert (points.distance - true)[trusted].abs().mean() < 0.2 * 0.03
    assert points.normal is not None and points.normal_weight is not None
    along = (points.normal * offset).sum(dim=1) / offset.norm(dim=1)
    assert along[points.normal_weight > 0.5].mean() > 0.99
    assert float(points.weight.min()) >= 0.0 and float(points.weight.max()) <= 1.0


def test_free_space_is_free() -> None:
    volume = fused()
    offset = volume.free - torch.from_numpy(LOW).float() - CENTRE
    assert len(offset) and (offset.norm(dim=1) > RADIUS).all()


def test_nothing_seen_gives_no_points() -> None:
    box = np.array([[0.0, 0.0, 0.0], [1.0, 1.0, 1.0]])
    depth = torch.zeros(2, 8, 8)
    lens = np.tile([8.0, 8.0, 4.0, 4.0], (2, 1))
    volume = fuse_depth(depth, None, None, np.tile(np.eye(4), (2, 1, 1)), lens, box, 0.1, 0.3)
    points = volume.surface_points(0.2)
    assert points.points.shape == (0, 3) and points.normal is None and not len(volume.free)


def test_a_plane_seen_head_on_is_exact_at_every_voxel() -> None:
    voxel, truncation, wall = 0.05, 0.15, 1.03
    box = np.array([[-0.6, -0.5, 0.7], [0.7, 0.6, 1.4]])
    depth = torch.full((2, 60, 60), wall)
    facing = torch.tensor([0.0, 0.0, -1.0])
    normal = torch.cat([127.5 * (facing + 1.0) + 0.5, torch.zeros(1)]).to(torch.uint8).expand(2, 60, 60, 4)
    lens = np.tile([30.0, 30.0, 30.0, 30.0], (2, 1))
    poses = np.tile(np.eye(4), (2, 1, 1))
    poses[1, 0, 3] = 0.05
    volume = fuse_depth(depth, None, normal.contiguous(), poses, lens, box, voxel, truncation)
    points = volume.surface_points(0.08)  # so that their neighbours are not cut off yet
    assert len(points.points) > 500
    torch.testing.assert_close(points.distance, wall - points.points[:, 2], rtol=0, atol=1e-4)
    # Voxels of neighbouring bricks, of which none is missing: three layers lie within the band.
    assert len(torch.unique(((points.points[:, 2] - box[0, 2]) / voxel).floor())) == 3
    assert points.normal is not None and points.normal_weight is not None
    torch.testing.assert_close(points.normal, facing.expand_as(points.normal), rtol=0, atol=0.01)
    torch.testing.assert_close(points.normal_weight, points.weight, rtol=0.02, atol=0.0)
    assert points.weight.max() == 1.0


def test_normals_that_disagree_are_trusted_less() -> None:
    box = np.array([[-0.6, -0.5, 0.7], [0.7, 0.6, 1.4]])
    depth = torch.full((2, 60, 60), 1.03)
    angles = torch.tensor([0.7, -0.7])  # about their mean, whose length is cos 0.7 = 0.765
    normal = torch.stack([angles.sin(), torch.zeros(2), -angles.cos()], dim=1)
    packed = torch.cat([127.5 * (normal + 1.0) + 0.5, torch.zeros(2, 1)], dim=1).to(torch.uint8)
    lens, poses = np.tile([30.0, 30.0, 30.0, 30.0], (2, 1)), np.tile(np.eye(4), (2, 1, 1))
    everywhere = packed[:, None, None].expand(2, 60, 60, 4).contiguous()
    points = fuse_depth(depth, None, everywhere, poses, lens, box, 0.05, 0.15).surface_points(0.08)
    assert points.normal is not None and points.normal_weight is not None
    torch.testing.assert_close(points.normal.norm(dim=1), torch.ones(len(points.points)))
    expected = points.weight * (np.cos(0.7) - 0.5) / 0.5
    torch.testing.assert_close(points.normal_weight, expected, rtol=0.03, atol=1e-3)
