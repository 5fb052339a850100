"""A grid of cells: which network a place belongs to, and what that sees of the place."""

from __future__ import annotations

import math

import torch
from torch import Tensor

FREE, MATTER = -1, -2  # what stands in the table where a cell has no network


def local_columns(local: Tensor, octaves: int) -> Tensor:
    """[N, 3 + 6 octaves]: places [N, 3], then per k the sines and the cosines of 2^k pi times them."""
    angles = [2.0**k * math.pi * local for k in range(octaves)]
    return torch.cat([local, *(f(angle) for angle in angles for f in (torch.sin, torch.cos))], dim=1)


def pulled(columns: Tensor, slope: Tensor, octaves: int) -> Tensor:
    """The gradient [N, 3] by the places, from a slope [N, 3 + 6 octaves] by their columns."""
    if octaves == 0:
        return slope
    waves, along = (x[:, 3:].reshape(-1, octaves, 2, 3) for x in (columns, slope))
    rate = math.pi * 2.0 ** torch.arange(octaves, dtype=columns.dtype, device=columns.device)[:, None]
    turned = along[:, :, 0] * waves[:, :, 1] - along[:, :, 1] * waves[:, :, 0]
    return slope[:, :3] + (rate * turned).sum(dim=1)


def locate(points: Tensor, table: Tensor, low: Tensor, edge: float) -> tuple[Tensor, Tensor]:
    """What the table says of the cells of points [N, 3], int64 [N], and where in them they are, [N, 3].

    Points outside of the grid belong to its nearest cell.
    """
    last = torch.tensor(table.shape, device=points.device) - 1
    cell = ((points.detach() - low) / edge).floor().long().clamp_min(0).minimum(last)
    local = (points - (low + (cell + 0.5) * edge)) * (2.0 / edge)
    return table[tuple(cell.unbind(1))].long(), local
