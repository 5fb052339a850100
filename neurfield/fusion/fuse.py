"""Depth maps of a whole scene fused into one sparse volume, and what they leave free or unknown."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import torch
from torch import Tensor

from neurfield.fusion.hull import hull_points
from neurfield.fusion.robust import second_views
from neurfield.fusion.volume import FusedVolume, known_distance
from neurfield.ops.depth_fusion import EDGE, DepthViews, depth_votes, integrate_depth, touched_bricks

HOLDS = 0.6  # of the truncation; a brick with a voxel nearer to the surface holds a part of it
HULL_BAND, NEAR_HITS = 0.5, 2.0  # of the truncation


@torch.no_grad()
def fuse_depth(
    depth: Tensor,
    weight: Tensor | None,
    normal: Tensor | None,
    world_from_cam: np.ndarray,
    intrinsics: np.ndarray,
    box: np.ndarray,
    voxel: float,
    truncation: float,
    *,
    sigma: Tensor | None = None,
    trust: Tensor | None = None,
    outline: Tensor | None = None,
    robust: bool = False,
) -> FusedVolume:
    """Fuse F depth maps of pinhole cameras inside a world box [2, 3].

    Curless and Levoy, A Volumetric Method for Building Complex Models from Range Images, SIGGRAPH 1996. What
    is free follows from votes (`nf.ops.depth_votes`); what is neither free nor near a surface stays unknown.

    Args:
        depth: [F, h, w], z-depth in world lengths, 0 = missing.
        weight: [F, h, w], or None.
        normal: uint8 [F, h, w, 4] in world axes as `DepthViews` has them, or None.
        world_from_cam: [F, 4, 4].
        intrinsics: [F, 4], fx, fy, cx, cy in pixels.
        voxel, truncation: world lengths.
        sigma: [F, h, w], standard deviation of depth in world lengths, or None where it is not known. Depth
            counts in full for two of them behind the surface that it saw, but not where it is `robust`.
        trust: [F, h, w] in 0..1, how much a pixel's vote counts, or None for 1.
        outline: [F, h, w], pixels to an object's outline as `DepthViews` has them, or None.
        robust: fuse twice; pixels that are far from the first result, in sigma, count less in the second.

    Raises:
        ValueError: `robust` without sigma.
    """
    if robust and sigma is None:
        raise ValueError("fuse_depth: robust needs sigma, what depth errs by")
    low = np.asarray(box[0], dtype=np.float64) - truncation
    shape = np.ceil((np.asarray(box[1]) + truncation - low) / (EDGE * voxel)).astype(int)
    cam_from_world = np.linalg.inv(world_from_cam)
    pose = cam_from_world[:, :3].copy()
    pose[:, :, 3] += cam_from_world[:, :3, :3] @ low
    views = DepthViews(
        depth, weight, normal, torch.as_tensor(pose, dtype=torch.float32),
        torch.as_tensor(intrinsics, dtype=torch.float32), sigma, trust, outline,
    )  # fmt: skip
    size = (int(shape[0]), int(shape[1]), int(shape[2]))
    stride = max(
        1,
        int(
            EDGE
            * voxel
            * float(np.median(intrinsics[:, 0]))
            / 4.0
            / max(float(box[1].max() - box[0].min()), 1e-9)
        ),
    )
    bricks = touched_bricks(views, size, voxel, truncation, stride).nonzero()
    row = torch.full(size, -1, dtype=torch.int64)
    row[tuple(bricks.unbind(1))] = torch.arange(len(bricks))

    def integrated(views: DepthViews) -> tuple[Tensor, Tensor, Tensor | None]:
        # Wild depths err by more than sigma says: what lies behind a surface counts less from there on.
        shown = dataclasses.replace(views, sigma=None) if robust else views
        return integrate_depth(shown, bricks, voxel, truncation)

    distance, weight_sum, normals = integrated(views)
    if robust:
        views = second_views(views, row, known_distance(distance, weight_sum), voxel)
        distance, weight_sum, normals = integrated(views)

    holds = (known_distance(distance, weight_sum).abs() < HOLDS * truncation).any(dim=1)
    surface = torch.zeros(size, dtype=torch.bool)
    surface[tuple(bricks[holds].unbind(1))] = True
    brick = EDGE * voxel
    centres = (torch.ones(size).nonzero() + 0.5) * brick
    votes = depth_votes(views, centres, voxel, truncation, reach=0.5 * math.sqrt(3.0) * brick)
    # Once wild depths are out, a brick is taken where the fused surface is, not wherever a single depth was.
    taken = surface if robust else row >= 0
    free = votes.is_free().view(size) & ~taken
    hull = None
    if votes.outside is not None:
        hull = hull_points(
            views, votes.outside.view(size), voxel, HULL_BAND * truncation, NEAR_HITS * truncation, low
        )
    world = centres.double() + torch.from_numpy(low)
    unknown = ~(free | surface)
    return FusedVolume(
        low, voxel, truncation, bricks, row, distance, weight_sum, normals,
        world[free.view(-1)], world[unknown.view(-1)], hull,
    )  # fmt: skip
