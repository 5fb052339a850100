"""One vertex a cell from tangent planes, in plain torch; see `neurfield.ops.cell_vertices`.

Legend: lattice units, in which cell i is [i, i + 1]^3; a foot is the point of the surface that a sample tells
of, its normal that of the plane through it; a kind is the plane's rank: 1 a plane, 2 an edge, 3 a corner, 0
no vertex.
"""

from __future__ import annotations

import torch
from torch import Tensor

_TOUCH = 1e-5  # how far from the cell a hit counts as in it
_INSIDE = 1e-4
_WIDENINGS = (0.0, 0.02, 0.07, 0.12, 0.17, 0.22, 0.27)  # of the cell that feet must lie in, second try
_PARALLEL = 1e-4
_CHUNK = 1 << 15


def cell_vertices(
    cells: Tensor,
    samples: Tensor,
    feet: Tensor,
    normals: Tensor,
    ratio: float,
    slacks: tuple[float, float, float],
) -> tuple[Tensor, Tensor, Tensor]:
    """Vertices float64 [c, 3], kinds uint8 [c], directions float64 [c, 3]."""
    parts = [
        _tangent_vertices(cells[part], *_of_cells(cells[part], samples[part], feet, normals), ratio, slacks)
        for part in torch.arange(len(cells)).split(_CHUNK)
    ]
    return _joined(parts, len(cells))


def clamped_vertices(
    cells: Tensor, samples: Tensor, feet: Tensor, normals: Tensor, ratio: float
) -> tuple[Tensor, Tensor, Tensor]:
    """As above; cells of one foot and more have a vertex, and it is in the cell."""
    parts = []
    for part in torch.arange(len(cells)).split(_CHUNK):
        at, normal, used = _of_cells(cells[part], samples[part], feet, normals)
        mean = _mean(at, used)
        x, rank, directions = _least_squares(at, normal, used, mean, ratio)
        kind = torch.where(used.any(dim=1), rank, 0)
        parts.append((x.clamp(0.0, 1.0) + cells[part], kind, _direction(rank, directions)))
    return _joined(parts, len(cells))


def _joined(parts: list[tuple[Tensor, Tensor, Tensor]], count: int) -> tuple[Tensor, Tensor, Tensor]:
    if not parts or count == 0:
        empty = torch.zeros(0, 3, dtype=torch.float64)
        return empty, torch.zeros(0, dtype=torch.uint8), empty.clone()
    vertices, kinds, directions = (torch.cat(column) for column in zip(*parts, strict=True))
    there = kinds > 0
    return (
        torch.where(there[:, None], vertices, 0.0),
        kinds.to(torch.uint8),
        torch.where(there[:, None], directions, 0.0),
    )


def _of_cells(cells: Tensor, samples: Tensor, feet: Tensor, normals: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Feet relative to their cell [c, s, 3], normals [c, s, 3], and which of the samples there are [c, s]."""
    used = samples >= 0
    if not len(feet):
        zero = torch.zeros(*samples.shape, 3, dtype=torch.float64)
        return zero, zero, used & False
    rows = samples.clamp(min=0)
    at = torch.where(used[..., None], feet[rows] - cells[:, None], 0.0)
    return at, torch.where(used[..., None], normals[rows], 0.0), used


def _tangent_vertices(
    cells: Tensor, at: Tensor, normal: Tensor, used: Tensor, ratio: float, slacks: tuple[float, float, float]
) -> tuple[Tensor, Tensor, Tensor]:
    near = used & _within(at, 0.01)
    origin = torch.where(near.any(dim=1)[:, None], _mean(at, near), 0.5)
    x, rank, directions = _least_squares(at, normal, used, origin, ratio)
    rank = torch.where(used.sum(dim=1) > 2, rank, 0)
    vertex, placed = _place(x, rank, directions, slacks)
    kind, direction = torch.where(placed, rank, 0), _direction(rank, directions)

    again = kind == 0
    at, normal, used = at[again], normal[again], used[again]
    if len(at):
        # Those whose feet are in the cell alone, as close to it as leaves more than two of them.
        inside = [used & _within(at, _INSIDE + widening) for widening in _WIDENINGS]
        enough = torch.stack([each.sum(dim=1) > 2 for each in inside])  # [w, c]
        first = enough.int().argmax(dim=0)
        used = torch.stack(inside)[first, torch.arange(len(at))]
        x, rank, directions = _least_squares(at, normal, used, _mean(at, used), ratio)
        rank = torch.where(enough.any(dim=0), rank, 0)
        moved, placed = _place(x, rank, directions, slacks)
        placed &= _within(moved, -_INSIDE)
        vertex[again] = moved
        kind[again] = torch.where(placed, rank, 0)
        direction[again] = _direction(rank, directions)
    return vertex + cells, kind, direction


def _mean(at: Tensor, chosen: Tensor) -> Tensor:
    weights = chosen.to(at.dtype)
    return (at * weights[..., None]).sum(dim=1) / weights.sum(dim=1, keepdim=True).clamp(min=1.0)


def _within(x: Tensor, slack: float) -> Tensor:
    return ((x >= -slack) & (x <= 1.0 + slack)).all(dim=-1)


def _least_squares(
    at: Tensor, normal: Tensor, used: Tensor, origin: Tensor, ratio: float
) -> tuple[Tensor, Tensor, Tensor]:
    """The point nearest to `origin` [c, 3] of those on all planes, the planes' rank and axes.

    Returns:
        Points [c, 3], ranks [c], and the axes [c, 3, 3] in rows, by falling singular value.
    """
    a = torch.where(used[..., None], normal, 0.0)
    b = (a * (at - origin[:, None])).sum(dim=-1)
    values, axes = torch.linalg.eigh(a.transpose(1, 2) @ a)
    values, axes = values.flip(-1), axes.flip(-1).transpose(1, 2)
    kept = (values > ratio**2 * values[:, :1]) & (values > 0.0)
    along = (axes @ (a * b[..., None]).sum(dim=1)[..., None]).squeeze(-1)
    along = torch.where(kept, along / torch.where(kept, values, 1.0), 0.0)
    return origin + (along[:, None] @ axes).squeeze(1), kept.sum(dim=1), axes


def _direction(rank: Tensor, axes: Tensor) -> Tensor:
    """A plane's normal, an edge's direction; 0 for others."""
    chosen = torch.where((rank == 1)[:, None], axes[:, 0], axes[:, 2])
    return torch.where(((rank == 1) | (rank == 2))[:, None], chosen, 0.0)


def _place(
    x: Tensor, rank: Tensor, axes: Tensor, slacks: tuple[float, float, float]
) -> tuple[Tensor, Tensor]:
    """Vertices and which of them were accepted."""
    corner_slack, edge_slack, plane_slack = slacks
    on_line, line_hit = _mean_hit(_line_hits(x, axes[:, 2]), edge_slack)
    on_plane, plane_hit = _mean_hit(_plane_hits(x, axes[:, 0]), plane_slack)
    vertex = torch.where((rank == 1)[:, None], on_plane, torch.where((rank == 2)[:, None], on_line, x))
    placed = torch.where(rank == 1, plane_hit, torch.where(rank == 2, line_hit, _within(x, corner_slack)))
    return vertex, placed & (rank > 0)


def _mean_hit(hits: Tensor, slack: float) -> tuple[Tensor, Tensor]:
    """The mean of the hits [c, k, 3] that are in the cell, else of those in the cell grown by `slack`."""
    inside, near = _within(hits, _TOUCH), _within(hits, slack)
    chosen = torch.where(inside.any(dim=1)[:, None], inside, near)
    hits = torch.where(chosen[..., None], hits, 0.0)
    return _mean(hits, chosen), chosen.any(dim=1)


def _line_hits(x: Tensor, direction: Tensor) -> Tensor:
    """Where a line [c, 3] meets the six planes of the cell's faces [c, 6, 3]; far away where it does not."""
    hits = []
    for side in (0.0, 1.0):
        steep = direction.abs() >= _PARALLEL  # [c, axis]
        t = (side - x) / torch.where(steep, direction, 1.0)
        hit = x[:, None] + t[..., None] * direction[:, None]  # [c, axis, 3]
        hits.append(torch.where(steep[..., None], hit, 1e9))
    return torch.cat(hits, dim=1)


def _plane_hits(x: Tensor, normal: Tensor) -> Tensor:
    """Where a plane meets the lines of the cell's twelve edges [c, 12, 3]; far away where it does not."""
    hits = []
    for axis in range(3):
        steep = normal[:, axis].abs() >= _PARALLEL
        for u in (0.0, 1.0):
            for v in (0.0, 1.0):
                start = x.new_zeros(3)
                start[(axis + 1) % 3], start[(axis + 2) % 3] = u, v
                t = ((x - start) * normal).sum(dim=1) / torch.where(steep, normal[:, axis], 1.0)
                hit = start.expand(len(x), 3).clone()
                hit[:, axis] = torch.where(steep, t, 1e9)
                hits.append(hit)
    return torch.stack(hits, dim=1)
