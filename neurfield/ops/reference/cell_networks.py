"""Tiny networks of a grid's cells in plain torch: cell after cell, each as `reference.fused_mlp` has one."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor

from neurfield.ops.cells import MATTER, local_columns, locate, pulled
from neurfield.ops.reference import fused_mlp

LEAST_STEP, NEAR, BEYOND = 2e-3, 2e-5, 1e-5  # of a cell's edge, as in csrc/kilo/cell_trace_cpu.cpp
MOST_STEPS, HALVINGS = 512, 24


def forward(
    inputs: Tensor,
    starts: Tensor,
    weights: Sequence[Tensor],
    biases: Sequence[Tensor],
    activation: str,
    beta: float,
    output_activation: str,
    gradient: bool,
) -> tuple[Tensor, Tensor | None]:
    """Outputs [N, O] and, if asked for, the first output's gradient [N, D] by its row of inputs."""
    bounds = starts.tolist()
    outputs, slopes = [inputs.new_zeros(0, weights[-1].shape[1])], [inputs[:0]]
    for cell, (begin, end) in enumerate(pairwise(bounds)):
        network = [w[cell] for w in weights], [b[cell] for b in biases]
        found, slope = fused_mlp.forward(
            inputs[begin:end], *network, activation, beta, output_activation, gradient
        )
        outputs.append(found)
        slopes.append(inputs[:0] if slope is None else slope)
    return torch.cat(outputs), torch.cat(slopes) if gradient else None


def query(
    points: Tensor,
    table: Tensor,
    low: Tensor,
    edge: float,
    octaves: int,
    weights: Sequence[Tensor],
    biases: Sequence[Tensor],
    activation: str,
    beta: float,
    gradient: bool,
) -> tuple[Tensor, Tensor | None]:
    """Outputs [N, O] of the cells' networks, the first times half an edge, and its gradient [N, 3].

    Zeros where a cell has no network.
    """
    number, local = locate(points, table, low, edge)
    rows = (number >= 0).nonzero()[:, 0]
    rows = rows[number[rows].argsort(stable=True)]
    starts = torch.searchsorted(
        number[rows], torch.arange(len(weights[0]) + 1, device=points.device)
    )  # fmt: skip
    columns = local_columns(local[rows], octaves)
    found, slope = forward(columns, starts, weights, biases, activation, beta, "none", gradient)
    found = torch.cat([found[:, :1] * (0.5 * edge), found[:, 1:]], dim=1)
    outputs = points.new_zeros(len(points), found.shape[1]).index_copy(0, rows, found)
    if slope is None:
        return outputs, None
    return outputs, torch.zeros_like(points).index_copy(0, rows, pulled(columns, slope, octaves))


def trace(
    origins: Tensor,
    directions: Tensor,
    t_min: Tensor,
    t_max: Tensor,
    table: Tensor,
    low: Tensor,
    edge: float,
    octaves: int,
    weights: Sequence[Tensor],
    biases: Sequence[Tensor],
    activation: str,
    beta: float,
    steepness: Tensor,
) -> Tensor:
    """Where rays [R, 3] first change their side, [R]; inf: nowhere. Roots are found by bisection."""
    t, infinity = t_min.clamp_min(0.0).clone(), float("inf")
    found = torch.full_like(t, infinity)
    side = torch.zeros_like(t)  # at the first sample, then for good
    before, behind = t.clone(), torch.full_like(t, infinity)
    active = ((t < t_max) & t_max.isfinite()).nonzero()[:, 0]

    def values(rays: Tensor, at: Tensor) -> tuple[Tensor, Tensor]:
        points = origins[rays] + at[:, None] * directions[rays]
        network = octaves, weights, biases, activation, beta
        number, _ = locate(points, table, low, edge)
        sdf = query(points, table, low, edge, *network, False)[0][:, 0]
        empty = torch.where(number == MATTER, -edge, edge).to(sdf.dtype)
        return number, torch.where(number >= 0, sdf, empty)

    for _ in range(MOST_STEPS):
        if not len(active):
            break
        number, value = values(active, t[active])
        sign = torch.where(value < 0.0, -1.0, 1.0).to(t.dtype)
        side[active] = torch.where(side[active] == 0.0, sign, side[active])
        crossed = sign != side[active]
        behind[active[crossed]] = t[active[crossed]]
        on = active[~crossed]
        before[on] = t[on]
        steep = steepness[number[~crossed].clamp_min(0)] if len(steepness) else value[~crossed] * 0.0 + 1.0
        step = (value[~crossed].abs() / steep).clamp_min(LEAST_STEP * edge)
        step = torch.where(number[~crossed] >= 0, step, infinity)
        points = origins[on] + t[on, None] * directions[on]
        leave = _exit(points, directions[on], table, low, edge) + BEYOND * edge
        t[on] = t[on] + torch.minimum(step, leave)
        active = on[(t[on] <= t_max[on]) & t[on].isfinite()]
    rays = behind.isfinite().nonzero()[:, 0]
    for _ in range(HALVINGS):
        middle = 0.5 * (before[rays] + behind[rays])
        same = torch.where(values(rays, middle)[1] < 0.0, -1.0, 1.0) == side[rays]
        before[rays] = torch.where(same, middle, before[rays])
        behind[rays] = torch.where(same, behind[rays], middle)
    found[rays] = torch.where(behind[rays] <= t_max[rays], behind[rays], infinity)
    return found


def _exit(points: Tensor, directions: Tensor, table: Tensor, low: Tensor, edge: float) -> Tensor:
    """Lengths [N] to where lines through points [N, 3] leave their cells."""
    _, local = locate(points, table, low, edge)
    walls = (directions.sign() - local) * (0.5 * edge) / torch.where(directions == 0.0, 1.0, directions)
    return torch.where(directions == 0.0, float("inf"), walls.clamp_min(0.0)).amin(dim=1)
