"""The multiresolution hash grid in plain torch: any device and dtype, differentiable as often as wanted."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from neurfield.ops.grid_layout import GridLayout

_PRIMES = (1, 2654435761, 805459861)  # tiny-cuda-nn's "coherent prime" hash: x-neighbours stay neighbours
_UINT32 = 0xFFFFFFFF


def encode(
    points: Tensor,
    table: Tensor,
    layout: GridLayout,
    interpolation: str = "linear",
    active_levels: int | None = None,
) -> Tensor:
    """Features [N, levels * features] of points [N, 3]; see `neurfield.ops.hash_grid_encode`."""
    features = []
    for level, entries, axes in _corners(points, layout, interpolation, active_levels):
        values = _level(table, layout, level)[entries]  # [N, 8, F]
        features.append((_product(axes).unsqueeze(2) * values).sum(1))
    return _pad_levels(features, points, layout)


def encode_with_jacobian(
    points: Tensor,
    table: Tensor,
    layout: GridLayout,
    interpolation: str = "linear",
    active_levels: int | None = None,
) -> tuple[Tensor, Tensor]:
    """Features [N, levels * features] and their derivatives by the point, [N, 3, levels * features]."""
    with torch.enable_grad():
        points = points.detach().requires_grad_()
        features = encode(points, table.detach(), layout, interpolation, active_levels)
        columns = [
            torch.autograd.grad(column.sum(), points, retain_graph=True, materialize_grads=True)[0]
            for column in (features + 0.0 * points.sum()).unbind(
                1
            )  # an inactive level also depends on the points
        ]
    return features.detach(), torch.stack(columns, dim=2)


def accumulate_table_gradient(
    points: Tensor,
    d_features: Tensor | None,
    tangent: Tensor | None,
    d_value_gradient: Tensor | None,
    table_gradient: Tensor,
    layout: GridLayout,
    interpolation: str = "linear",
    active_levels: int | None = None,
) -> None:
    """Adds w * d_features + (grad w . tangent) * d_value_gradient to the entry of each corner, in place."""
    with torch.enable_grad():
        step = torch.zeros(len(points), 1, dtype=points.dtype, device=points.device, requires_grad=True)
        moved = points.detach() + (step * tangent.detach() if tangent is not None else 0.0)
        for level, entries, axes in _corners(moved, layout, interpolation, active_levels):
            weights = _product(axes)  # [N, 8]
            columns = slice(level * layout.features, (level + 1) * layout.features)
            into = _level(table_gradient, layout, level)
            if d_features is not None:
                _add_rows(
                    into, entries, weights.detach().unsqueeze(2) * d_features.detach()[:, None, columns]
                )
            if d_value_gradient is not None:
                turns = [
                    torch.autograd.grad(weights[:, c].sum(), step, retain_graph=True)[0] for c in range(8)
                ]
                _add_rows(into, entries, torch.stack(turns, 1) * d_value_gradient.detach()[:, None, columns])


def _corners(
    points: Tensor, layout: GridLayout, interpolation: str, active_levels: int | None
) -> Iterator[tuple[int, Tensor, Tensor]]:
    """Per active level: its number, the entries [N, 8] of each point's cell, weights [N, 3, 2] by axis."""
    active = layout.levels if active_levels is None else min(max(active_levels, 0), layout.levels)
    for level in range(active):
        # Through float64, for the one rounding of the kernels' fused multiply-add: both find the same cell.
        lattice = (points.double() * layout.scales[level] + 0.5).to(points.dtype)
        cell = lattice.detach().floor()
        fraction = lattice - cell
        upper = fraction * fraction * (3.0 - 2.0 * fraction) if interpolation == "smoothstep" else fraction
        yield level, _entries(cell.long(), layout, level), torch.stack([1.0 - upper, upper], dim=2)


def _entries(cell: Tensor, layout: GridLayout, level: int) -> Tensor:
    """Entries [N, 8] of the corners of cells [N, 3] in the level; bit 0 of the corner steps along x."""
    corner = torch.arange(8, device=cell.device)
    steps = torch.stack([corner & 1, corner >> 1 & 1, corner >> 2], dim=1)  # [8, 3]
    corners = (cell[:, None, :] + steps) & _UINT32  # [N, 8, 3]
    size = layout.offsets[level + 1] - layout.offsets[level]
    if layout.hashed[level]:
        x, y, z = (corners[..., k] * prime & _UINT32 for k, prime in enumerate(_PRIMES))
        return (x ^ y ^ z) % size
    row = layout.resolutions[level]
    return (corners[..., 0] + corners[..., 1] * row + corners[..., 2] * row**2 & _UINT32) % size


def _product(axes: Tensor) -> Tensor:
    """Weights [N, 8] of the corners from those along each axis [N, 3, 2]."""
    x, y, z = axes[:, 0], axes[:, 1], axes[:, 2]
    return (z[:, :, None, None] * y[:, None, :, None] * x[:, None, None, :]).reshape(len(axes), 8)


def _level(table: Tensor, layout: GridLayout, level: int) -> Tensor:
    return table.view(-1, layout.features)[layout.offsets[level] : layout.offsets[level + 1]]


def _add_rows(into: Tensor, entries: Tensor, rows: Tensor) -> None:
    into.index_add_(0, entries.reshape(-1), rows.reshape(-1, rows.shape[-1]))


def _pad_levels(features: list[Tensor], points: Tensor, layout: GridLayout) -> Tensor:
    missing = layout.output_dim - layout.features * len(features)
    return torch.cat([*features, points.new_zeros(len(points), missing)], dim=1)
