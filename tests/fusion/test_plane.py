"""A wall seen head-on, of which every voxel's distance and normal is known."""

from __future__ import annotations

import numpy as np
import torch

from neurfield.fusion import fuse_depth


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
    torch.testing.assert_close(points.distance, (wall - points.points[:, 2]).float(), rtol=0, atol=1e-4)
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
