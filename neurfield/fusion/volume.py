"""Depth maps of a whole scene fused into one sparse volume, and that volume as points."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from neurfield.ops.depth_fusion import EDGE, DepthViews, free_bricks, integrate_depth, touched_bricks

BRICKS_AT_ONCE = 4096
STEEPEST, FLATTEST = 3.0, 0.5  # slopes of the projective distance between which it is corrected
ENOUGH = 0.02  # part of the median weight below which a voxel counts as unseen


@dataclass(frozen=True)
class SurfacePoints:
    """N voxel centres near a fused surface.

    points: [N, 3] float64, world. distance: [N] signed, world lengths, positive in free space. weight: [N]
    0..1. normal: [N, 3] unit, world, fused from the views' normals, and normal_weight: [N] 0..1; both None
    without normals.
    """

    points: Tensor
    distance: Tensor
    weight: Tensor
    normal: Tensor | None
    normal_weight: Tensor | None


@dataclass(frozen=True)
class FusedVolume:
    """Bricks of 8^3 voxels that hold a truncated signed distance.

    low: world position of the grid's corner. voxel, truncation: world lengths. bricks: int64 [B, 3]. row:
    int64 [X, Y, Z], the number of a brick's row or -1. distance, weight_sum: [B, 512]. normal: [B, 3, 512] or
    None. free: [E, 3] float64 world centres of bricks that views look through.
    """

    low: np.ndarray
    voxel: float
    truncation: float
    bricks: Tensor
    row: Tensor
    distance: Tensor
    weight_sum: Tensor
    normal: Tensor | None
    free: Tensor

    def surface_points(self, band: float) -> SurfacePoints:
        """Voxels closer than `band` to the surface whose neighbours are all known.

        The projective distance is too long where the surface is seen at an angle; divided by its own slope it
        is the distance to the surface, to first order.
        """
        enough = ENOUGH * float(self.weight_sum[self.weight_sum > 0].median()) if len(self.bricks) else 0.0
        known = torch.where(
            self.weight_sum > enough, self.distance, torch.full_like(self.distance, torch.nan)
        )
        parts = [self._part(known, band, part) for part in torch.arange(len(known)).split(BRICKS_AT_ONCE)]
        if not parts:
            parts = [[torch.zeros(0, 3).double(), torch.zeros(0), torch.zeros(0), torch.zeros(0, 3)]]
        points, distance, weight, normal = (torch.cat(columns) for columns in zip(*parts))
        typical = weight.median() if len(weight) else weight.new_tensor(1.0)
        weight = (weight / typical).clamp_max(1.0)
        if self.normal is None:
            return SurfacePoints(points, distance, weight, None, None)
        length = normal.norm(dim=1)  # short where the views' normals disagree
        trust = ((length - 0.5) / 0.5).clamp(0.0, 1.0)
        return SurfacePoints(
            points, distance, weight, normal / length.clamp_min(1e-6)[:, None], trust * weight
        )

    def _part(self, known: Tensor, band: float, rows: Tensor) -> list[Tensor]:
        cube = known[rows].view(-1, EDGE, EDGE, EDGE)
        steepness = torch.zeros_like(cube)
        for axis in range(3):
            before, after = (self._beside(known, rows, axis, step) for step in (-1, 1))
            line = torch.cat([before, cube, after], dim=axis + 1)
            n = line.shape[axis + 1]
            steepness += (line.narrow(axis + 1, 2, n - 2) - line.narrow(axis + 1, 0, n - 2)).square()
        steepness = steepness.sqrt() / (2.0 * self.voxel)
        chosen = (torch.isfinite(steepness) & (cube.abs() < band)).nonzero()  # NaN neighbours drop out
        brick, place = rows[chosen[:, 0]], chosen[:, 1:]
        centres = (self.bricks[brick] * EDGE + place + 0.5) * self.voxel
        points = centres.double() + torch.from_numpy(self.low)
        b, x, y, z = chosen.unbind(1)
        flat = (x * EDGE + y) * EDGE + z
        distance = cube[b, x, y, z] / steepness[b, x, y, z].clamp(FLATTEST, STEEPEST)
        normal = torch.zeros(len(b), 3) if self.normal is None else self.normal[brick, :, flat]
        return [points, distance, self.weight_sum[brick, flat], normal]

    def _beside(self, known: Tensor, rows: Tensor, axis: int, step: int) -> Tensor:
        """The layer of voxels that touches each brick on one side, NaN where there is no brick."""
        cell = self.bricks[rows].clone()
        cell[:, axis] += step
        inside = ((cell >= 0) & (cell < torch.tensor(self.row.shape))).all(dim=1)
        a, b, c = torch.where(inside[:, None], cell, torch.zeros_like(cell)).unbind(1)
        other = torch.where(inside, self.row[a, b, c], torch.full_like(a, -1))
        layer = (
            known[other.clamp_min(0)]
            .view(-1, EDGE, EDGE, EDGE)
            .narrow(axis + 1, 0 if step > 0 else EDGE - 1, 1)
        )
        return torch.where((other >= 0)[:, None, None, None], layer, torch.full_like(layer, torch.nan))


def fuse_depth(
    depth: Tensor,
    weight: Tensor | None,
    normal: Tensor | None,
    world_from_cam: np.ndarray,
    intrinsics: np.ndarray,
    box: np.ndarray,
    voxel: float,
    truncation: float,
) -> FusedVolume:
    """Fuse F depth maps of pinhole cameras inside a world box [2, 3].

    Args:
        depth, weight: [F, h, w], as `DepthViews` has them.
        normal: uint8 [F, h, w, 4] in world axes, as `DepthViews` has them.
        world_from_cam: [F, 4, 4].
        intrinsics: [F, 4] fx, fy, cx, cy.
        box: [2, 3] low and high corner.
        voxel, truncation: world lengths.
    """
    low = np.asarray(box[0], dtype=np.float64) - truncation
    shape = np.ceil((np.asarray(box[1]) + truncation - low) / (EDGE * voxel)).astype(int)
    cam_from_world = np.linalg.inv(world_from_cam)
    pose = cam_from_world[:, :3].copy()
    pose[:, :, 3] += cam_from_world[:, :3, :3] @ low
    views = DepthViews(
        depth, weight, normal, torch.as_tensor(pose, dtype=torch.float32),
        torch.as_tensor(intrinsics, dtype=torch.float32),
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
    marks = touched_bricks(views, size, voxel, truncation, stride)
    bricks = marks.nonzero()
    row = torch.full(size, -1, dtype=torch.int64)
    row[tuple(bricks.unbind(1))] = torch.arange(len(bricks))
    distance, weight_sum, normals = integrate_depth(views, bricks, voxel, truncation)
    free = (free_bricks(views, size, voxel, truncation) != 0) & (marks == 0)
    centres = (free.nonzero() + 0.5) * (EDGE * voxel) + torch.from_numpy(low)
    return FusedVolume(low, voxel, truncation, bricks, row, distance, weight_sum, normals, centres)
