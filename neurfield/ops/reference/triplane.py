"""Tri-planes in plain torch: any device and dtype, differentiable as often as wanted."""

from __future__ import annotations

from functools import reduce

import torch
from torch import Tensor

from neurfield.ops.plane_layout import PlaneLayout


def encode(
    points: Tensor,
    texels: Tensor,
    layout: PlaneLayout,
    interpolation: str = "linear",
    active_levels: int | None = None,
) -> Tensor:
    """Features [N, output_dim] of points [N, dimensions]; see `neurfield.ops.triplane.triplane_encode`."""
    active, features = layout.active(active_levels), []
    for level in range(active):
        planes = [_plane(points, texels, layout, level, p, interpolation) for p in range(len(layout.pairs))]
        if layout.combination == "concatenation":
            features += planes
        else:
            features.append(reduce(torch.add if layout.combination == "sum" else torch.mul, planes))
    silent = points.new_zeros(len(points), (layout.levels - active) * layout.level_dim)
    return torch.cat([*features, silent], dim=1)


def _plane(
    points: Tensor, texels: Tensor, layout: PlaneLayout, level: int, plane: int, interpolation: str
) -> Tensor:
    """[N, features] of one plane."""
    resolution, (scale, shift) = layout.resolutions[level], layout.lattice(level)
    size = resolution**2 * layout.features
    begin = layout.offsets[level] + plane * size
    values = texels[begin : begin + size].view(resolution, resolution, layout.features)
    cells, weights = [], []
    for axis in layout.pairs[plane]:
        # What lies outside is seen at the border, where clamping lets no derivative through.
        u = (points[:, axis] * scale + shift).clamp(0.0, resolution - 1.0)
        cell = u.detach().floor().clamp(max=resolution - 2.0).nan_to_num()
        f = u - cell
        weights.append(f * f * (3.0 - 2.0 * f) if interpolation == "smoothstep" else f)
        cells.append(cell.long())
    (column, row), (along, across) = cells, [w.unsqueeze(1) for w in weights]
    near = values[row, column] * (1.0 - along) + values[row, column + 1] * along
    far = values[row + 1, column] * (1.0 - along) + values[row + 1, column + 1] * along
    return near * (1.0 - across) + far * across
