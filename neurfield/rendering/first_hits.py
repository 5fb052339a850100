"""Where rays first meet the surface of a field that stands still, without asking the field along each ray.

Its distances are worked out once on a sparse grid near the surface; then a ray is a walk through bricks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from neurfield.fields.protocols import Distances
from neurfield.ops.depth_fusion import EDGE
from neurfield.ops.surface_depth import surface_depth
from neurfield.rays import Rays

STEEPEST = 1.25  # slope of a field that is reckoned with, as where meshes are extracted
BRICKS_AT_ONCE = 256


@dataclass(frozen=True)
class FirstHits:
    """A field's distances on bricks of 8^3 voxels where its surface may be; on the host.

    Attributes:
        low: float64 [3], corner of the grid, unit coordinates.
        voxel: unit lengths.
        row: int64 [X, Y, Z], the number of a brick, or -1.
        distance: [B, 512], in the middles of voxels, z fastest.
    """

    low: Tensor
    voxel: float
    row: Tensor
    distance: Tensor

    @classmethod
    @torch.no_grad()
    def of(
        cls, field: Distances, unit_box: list[float], voxel: float, device: torch.device | None = None
    ) -> FirstHits:
        """Ask a field in the middle of each brick of a box, then everywhere in those that it cannot rule out.

        Args:
            field: asked for its values.
            unit_box: xmin ymin zmin xmax ymax zmax, unit coordinates.
            voxel: unit lengths.
            device: of the field; None: the host.
        """
        box = np.array(unit_box, dtype=np.float64)
        low = torch.from_numpy(box[:3] - voxel)
        size = np.ceil((box[3:] - box[:3] + 2.0 * voxel) / (EDGE * voxel)).astype(int).tolist()
        place = _lattice(size)
        middle = (place + 0.5) * (EDGE * voxel) + low
        reach = STEEPEST * (EDGE / 2 + 1) * voxel * 3**0.5  # to the corners and a voxel beyond
        near = _asked(field, middle, device).abs() < reach
        bricks, inside = place[near], _lattice([EDGE] * 3) + 0.5
        row = torch.full(size, -1, dtype=torch.int64)
        row[tuple(bricks.unbind(1))] = torch.arange(len(bricks))
        distance = torch.empty(len(bricks), EDGE**3)
        for part in torch.arange(len(bricks)).split(BRICKS_AT_ONCE):
            points = (bricks[part][:, None] * EDGE + inside) * voxel + low
            distance[part] = _asked(field, points.view(-1, 3), device).view(len(part), EDGE**3)
        return cls(low, voxel, row, distance)

    @torch.no_grad()
    def along(self, rays: Rays) -> Tensor:
        """Where rays first pass from in front of the surface to behind it, [R] unit lengths; 0: nowhere.

        Each ray is the middle of a picture of one pixel. The place is exact to about a voxel's curvature, and
        thin things of less than a voxel may be passed through.
        """
        device = rays.origins.device
        if not len(rays) or not len(self.distance):
            return torch.zeros(len(rays), device=device)
        ahead = rays.directions.cpu().double()
        across = torch.zeros_like(ahead).scatter_(1, ahead.abs().argmin(dim=1, keepdim=True), 1.0)
        right = torch.nn.functional.normalize(torch.linalg.cross(ahead, across), dim=1)
        turn = torch.stack([right, torch.linalg.cross(ahead, right), ahead], dim=1)  # [R, 3, 3], grid to ray
        shift = -turn @ (rays.origins.cpu().double() - self.low)[:, :, None]
        poses = torch.cat([turn, shift], dim=2).float()
        pixel = torch.tensor([1.0, 1.0, 0.5, 0.5]).repeat(len(rays), 1)
        wanted = (rays.t_max > rays.t_min).cpu().view(-1, 1, 1)
        t = surface_depth(self.row, self.distance, self.voxel, poses, pixel, wanted).view(-1).to(device)
        return torch.where((t >= rays.t_min) & (t <= rays.t_max), t, torch.zeros_like(t))


def _lattice(size: list[int]) -> Tensor:
    """All places of a grid, int64 [X * Y * Z, 3], z fastest."""
    return torch.cartesian_prod(*(torch.arange(n) for n in size)).view(-1, 3)


def _asked(field: Distances, points: Tensor, device: torch.device | None) -> Tensor:
    """Distances [N] at points [N, 3], on the host."""
    return field.sdf(points.float().to(device or "cpu")).cpu()
