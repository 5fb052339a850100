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
    volume = fused(0.015, 0.05)
    offset = volume.free - torch.from_numpy(LOW).float() - CENTRE
    assert len(offset) and (offset.norm(dim=1) > RADIUS).all()


def test_nothing_seen_gives_no_points() -> None:
    box = np.array([[0.0, 0.0, 0.0], [1.0, 1.0, 1.0]])
    depth = torch.zeros(2, 8, 8)
    lens = np.tile([8.0, 8.0, 4.0, 4.0], (2, 1))
    volume = fuse_depth(depth, None, None, np.tile(np.eye(4), (2, 1, 1)), lens, box, 0.1, 0.3)
    points = volume.surface_points(0.2)
    assert points.points.shape == (0, 3) and points.normal is None and not len(volume.free)
