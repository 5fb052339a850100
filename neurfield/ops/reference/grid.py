"""Multiresolution grids in plain torch: any device and dtype, differentiable as often as wanted."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from neurfield.ops.grid_layout import GridLayout
from neurfield.ops.simplex_layout import skew_matrix

_PRIMES = (1, 2654435761, 805459861, 3674653429)  # tiny-cuda-nn's "coherent prime" hash: x-neighbours stay so
_UINT32 = 0xFFFFFFFF


def encode(
    points: Tensor,
    table: Tensor,
    layout: GridLayout,
    interpolation: str = "linear",
    active_levels: int | None = None,
) -> Tensor:
    """Features [N, levels * features] of points [N, D]; see `neurfield.ops.grid.grid_encode`."""
    features = []
    for level, entries, weights in _vertices(points, layout, interpolation, active_levels):
        values = _level(table, layout, level)[entries]  # [N, V, F]
        features.append((weights.unsqueeze(2) * values).sum(1))
    return _pad_levels(features, points, layout)


def encode_with_jacobian(
    points: Tensor,
    table: Tensor,
    layout: GridLayout,
    interpolation: str = "linear",
    active_levels: int | None = None,
) -> tuple[Tensor, Tensor]:
    """Features [N, levels * features] and their derivatives by the point, [N, D, levels * features]."""
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
    """Adds w * d_features + (grad w . tangent) * d_value_gradient to the entry of each vertex, in place."""
    with torch.enable_grad():
        step = torch.zeros(len(points), 1, dtype=points.dtype, device=points.device, requires_grad=True)
        moved = points.detach() + (step * tangent.detach() if tangent is not None else 0.0)
        for level, entries, weights in _vertices(moved, layout, interpolation, active_levels):
            columns = slice(level * layout.features, (level + 1) * layout.features)
            into = _level(table_gradient, layout, level)
            if d_features is not None:
                _add_rows(
                    into, entries, weights.detach().unsqueeze(2) * d_features.detach()[:, None, columns]
                )
            if d_value_gradient is not None:
                turns = [
                    torch.autograd.grad(weights[:, v].sum(), step, retain_graph=True)[0]
                    for v in range(layout.vertices)
                ]
                _add_rows(into, entries, torch.stack(turns, 1) * d_value_gradient.detach()[:, None, columns])


def _vertices(
    points: Tensor, layout: GridLayout, interpolation: str, active_levels: int | None
) -> Iterator[tuple[int, Tensor, Tensor]]:
    """Per active level: its number, the entries [N, V] of each point's vertices, weights [N, V]."""
    active = layout.levels if active_levels is None else min(max(active_levels, 0), layout.levels)
    # Through float64, for the one rounding of the kernels' fused multiply-add: both find the same cell.
    exact = points.double()
    if layout.simplex:
        exact = exact @ torch.from_numpy(skew_matrix(layout.dimensions)).to(points.device)
    for level in range(active):
        lattice = (exact * layout.scales[level] + 0.5).to(points.dtype)
        cell = lattice.detach().floor()
        fraction = lattice - cell
        upper = fraction * fraction * (3.0 - 2.0 * fraction) if interpolation == "smoothstep" else fraction
        steps, weights = (_simplex if layout.simplex else _cube)(fraction.detach(), upper)
        yield level, _entries(cell.long()[:, None, :] + steps, layout, level), weights


def _cube(fraction: Tensor, upper: Tensor) -> tuple[Tensor, Tensor]:
    """Steps [1, 2^D, D] from cell to corners, bit k of a corner stepping along axis k; weights [N, 2^D]."""
    dimensions = upper.shape[1]
    corner = torch.arange(2**dimensions, device=upper.device)
    steps = torch.stack([corner >> axis & 1 for axis in range(dimensions)], dim=1)
    weights = torch.ones_like(upper[:, :1])
    for axis in range(dimensions):  # the last axis becomes the highest bit
        high = upper[:, axis : axis + 1]
        weights = torch.cat([weights * (1.0 - high), weights * high], dim=1)
    return steps[None], weights


def _simplex(fraction: Tensor, upper: Tensor) -> tuple[Tensor, Tensor]:
    """Steps [N, D + 1, D] to the vertices, and barycentric weights [N, D + 1].

    Coordinates step up from the largest fraction to the smallest (Kuhn's triangulation).
    """
    order = fraction.argsort(dim=1, descending=True, stable=True)
    chain = torch.nn.functional.one_hot(order, fraction.shape[1]).cumsum(dim=1)
    steps = torch.cat([torch.zeros_like(chain[:, :1]), chain], dim=1)
    ends = torch.ones_like(upper[:, :1])
    sorted_weights = torch.cat([ends, upper.gather(1, order), torch.zeros_like(ends)], dim=1)
    return steps, sorted_weights[:, :-1] - sorted_weights[:, 1:]


def _entries(vertices: Tensor, layout: GridLayout, level: int) -> Tensor:
    """Entries [N, V] of vertices [N, V, D] in the level."""
    size = layout.offsets[level + 1] - layout.offsets[level]
    if layout.hashed[level]:
        hashes = [(vertices[..., k] & _UINT32) * _PRIMES[k] & _UINT32 for k in range(layout.dimensions)]
        entry = hashes[0]
        for other in hashes[1:]:
            entry = entry ^ other
        return entry % size
    steps = layout.steps[level]
    if layout.simplex:
        vertices = vertices % size
    entry = (vertices * torch.tensor(steps, device=vertices.device)).sum(dim=-1)
    return (entry if layout.simplex else entry & _UINT32) % size


def _level(table: Tensor, layout: GridLayout, level: int) -> Tensor:
    return table.view(-1, layout.features)[layout.offsets[level] : layout.offsets[level + 1]]


def _add_rows(into: Tensor, entries: Tensor, rows: Tensor) -> None:
    into.index_add_(0, entries.reshape(-1), rows.reshape(-1, rows.shape[-1]))


def _pad_levels(features: list[Tensor], points: Tensor, layout: GridLayout) -> Tensor:
    missing = layout.output_dim - layout.features * len(features)
    return torch.cat([*features, points.new_zeros(len(points), missing)], dim=1)
