"""Depth maps of a whole scene fused into one sparse volume, and that volume as points."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from neurfield.fusion.hull import HullPoints
from neurfield.ops.depth_fusion import EDGE

BRICKS_AT_ONCE = 4096
STEEPEST, FLATTEST = 3.0, 0.5  # slopes of the projective distance between which it is corrected
ENOUGH = 0.02  # part of the median weight below which a voxel counts as unseen


@dataclass(frozen=True)
class SurfacePoints:
    """N voxel centres near a fused surface, with what is known there.

    Attributes:
        points: [N, 3] float64, world.
        distance: [N], signed, world lengths, positive in free space.
        weight: [N] in 0..1.
        normal: [N, 3], unit, world, fused from the views' normals; None without normals.
        normal_weight: [N] in 0..1; None without normals.
    """

    points: Tensor
    distance: Tensor
    weight: Tensor
    normal: Tensor | None
    normal_weight: Tensor | None


@dataclass(frozen=True)
class FusedVolume:
    """A truncated signed distance on B bricks of 8^3 voxels, the sparse part of a grid of X x Y x Z bricks.

    Attributes:
        low: [3], world position of the grid's corner.
        voxel, truncation: world lengths.
        bricks: int64 [B, 3], the place of each brick in the grid.
        row: int64 [X, Y, Z], the number of a brick, or -1.
        distance, weight_sum: [B, 512].
        normal: [B, 3, 512], or None.
        free: [E, 3] float64, world centres of bricks that views look through.
        unknown: [U, 3] float64, world centres of bricks that are neither free nor hold a surface.
        hull: points of the object's hull where the maps say nothing; None without outlines.
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
    unknown: Tensor
    hull: HullPoints | None

    def surface_points(self, band: float) -> SurfacePoints:
        """Voxels closer than `band` (world length) to the surface whose neighbours are all known.

        The projective distance is too long where the surface is seen at an angle; divided by its own slope it
        is the distance to the surface, to first order.
        """
        distances = known_distance(self.distance, self.weight_sum)
        parts = [
            self._part(distances, band, rows) for rows in torch.arange(len(distances)).split(BRICKS_AT_ONCE)
        ]
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

    def _part(self, distances: Tensor, band: float, rows: Tensor) -> list[Tensor]:
        cube = distances[rows].view(-1, EDGE, EDGE, EDGE)
        steepness = torch.zeros_like(cube)
        for axis in range(3):
            before, after = (self._beside(distances, rows, axis, side) for side in (-1, 1))
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

    def _beside(self, distances: Tensor, rows: Tensor, axis: int, side: int) -> Tensor:
        """The layer of voxels that touches each brick along an axis, NaN where there is no brick.

        Args:
            side: 1 after the brick, -1 before it.
        """
        cell = self.bricks[rows].clone()
        cell[:, axis] += side
        inside = ((cell >= 0) & (cell < torch.tensor(self.row.shape))).all(dim=1)
        a, b, c = torch.where(inside[:, None], cell, torch.zeros_like(cell)).unbind(1)
        other = torch.where(inside, self.row[a, b, c], torch.full_like(a, -1))
        layer = (
            distances[other.clamp_min(0)]
            .view(-1, EDGE, EDGE, EDGE)
            .narrow(axis + 1, 0 if side > 0 else EDGE - 1, 1)
        )
        return torch.where((other >= 0)[:, None, None, None], layer, torch.full_like(layer, torch.nan))


def known_distance(distance: Tensor, weight_sum: Tensor) -> Tensor:
    """Distances [B, 512], NaN where less than a small part of the median weight has come together."""
    some = weight_sum[weight_sum > 0]
    enough = ENOUGH * float(some.median()) if len(some) else 0.0
    return torch.where(weight_sum > enough, distance, torch.full_like(distance, torch.nan))
