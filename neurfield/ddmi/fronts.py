"""What is seen of a shape or of a picture as planes: the only part that knows which of them it is."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from neurfield.ddmi.blocks import ResidualRows

AXES = ((0, 1), (0, 2), (1, 2))  # of three planes, as tri-planes have them


class PointPlanes(nn.Module):
    """Points of a surface as features on three planes (ConvONet's LocalPoolPointnet, Peng et al. 2020).

    Each point has a row of features. Between residual blocks a row gets the greatest values of the rows in
    its texels, summed over the planes; at last the rows of a texel are averaged.

    Args:
        channels: of the planes.
        resolution: of the planes.
        hidden: width of a row.
        blocks: residual blocks.
    """

    def __init__(self, channels: int, resolution: int, hidden: int, blocks: int) -> None:
        super().__init__()
        self.resolution, self.channels = resolution, channels
        self.first = nn.Linear(3, 2 * hidden)
        self.blocks = nn.ModuleList([ResidualRows(2 * hidden, hidden) for _ in range(blocks)])
        self.last = nn.Linear(hidden, channels)

    def forward(self, points: Tensor) -> Tensor:
        """[B, N, 3] of [-1, 1]^3 to [B, 3, channels, R, R]; a map's rows go along the plane's second axis."""
        size, side = len(points), self.resolution
        texel = ((points + 1.0) * (0.5 * side)).long().clamp(0, side - 1)
        batch = torch.arange(size, device=points.device)[:, None] * side * side
        cells = [(batch + texel[..., v] * side + texel[..., u]).flatten() for u, v in AXES]
        rows = self.blocks[0](self.first(points.flatten(0, 1)))
        for block in self.blocks[1:]:  # type: ignore[union-attr]
            pooled = torch.zeros_like(rows)
            for cell in cells:
                pooled = pooled + _greatest(rows, cell, size * side * side)[cell]
            rows = block(torch.cat([rows, pooled], dim=1))
        rows = self.last(rows)
        planes = [_mean(rows, cell, size * side * side).view(size, side, side, -1) for cell in cells]
        return torch.stack(planes, dim=1).permute(0, 1, 4, 2, 3)


class PicturePlane(nn.Module):
    """A picture as features on one plane.

    Args:
        channels: of the plane.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, channels, 3, padding=1)

    def forward(self, pictures: Tensor) -> Tensor:
        """[B, 3, R, R] of colours in [-1, 1] to [B, 1, channels, R, R]."""
        return self.first(pictures)[:, None]


def _greatest(rows: Tensor, cell: Tensor, cells: int) -> Tensor:
    index = cell[:, None].expand_as(rows)
    return rows.new_zeros(cells, rows.shape[1]).scatter_reduce(0, index, rows, "amax", include_self=False)


def _mean(rows: Tensor, cell: Tensor, cells: int) -> Tensor:
    total = rows.new_zeros(cells, rows.shape[1]).index_add(0, cell, rows)
    count = torch.bincount(cell, minlength=cells).clamp_min(1).to(rows.dtype)
    return total / count[:, None]
