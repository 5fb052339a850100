"""One query of a hash-grid SDF: value, spatial gradient and features, with the backward of all three.

In float32 one native call each way takes points from the grid through the network (on the CPU chunk by chunk,
while they are in the cache); elsewhere the same is composed of the single kernels (`composed_query`). Between
the two the features, their jacobian and the SDF's derivative by them are kept: with 16 x 2 features, 0.7 kB a
point.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from neurfield.ops import composed_query, fused_mlp, grid, native
from neurfield.ops.composed_query import SdfShape
from neurfield.ops.eager import eager
from neurfield.ops.grid import GridLayout
from neurfield.ops.once import once
from neurfield.ops.table_gradient import place_for

WHY_ONCE = (
    "a field query can be differentiated once: for losses on the SDF's gradient use the gradient that the "
    "query returns as a value"
)


@eager
def sdf_query(
    points: Tensor,
    table: Tensor,
    weights: Sequence[Tensor],
    biases: Sequence[Tensor],
    layout: GridLayout,
    *,
    interpolation: str = "smoothstep",
    activation: str = "softplus",
    beta: float = 100.0,
    active_levels: int | None = None,
    coordinates: bool = True,
    n_frequencies: int = 0,
    precision: str = "float32",
    row: Tensor | None = None,
    points_gradient: bool = False,
    fused: bool | None = None,
) -> tuple[Tensor, Tensor]:
    """Network outputs and the gradient of one of them (the SDF) with respect to the point.

    Args:
        points: [N, 3] in unit coordinates, [-1, 1]^3 (outside is legal and wraps in the grid).
        table: flat hash table, of the cube [0, 1]^3 into which the frame is mapped.
        weights, biases: of a network (as for `mlp`) whose inputs are, in this order, the point (if
            `coordinates`), sin(2^k pi x) and cos(2^k pi x) of its axes for k below `n_frequencies`, and the
            grid's features.
        activation, beta: as for `mlp`.
        active_levels: the grid's levels from this one on give zeros; None for all.
        precision: of the network's derivatives, "float32", "bfloat16" or "float16"; see `fused_mlp`.
        row: [N] int64, per point the output whose gradient is asked for, as the least of several distances;
            None for the first. On a GPU nobody looks whether it is within bounds: the gradient is not a
            number where it is not.
        points_gradient: whether the points' own derivatives are wanted too, as for refining poses. Slower:
            composed of single kernels, with a dense gradient of the table.
        fused: None takes the fused kernel wherever it serves, False never.

    Returns:
        outputs [N, O] and gradient [N, 3] = d outputs[i, row[i]] / d points[i]; both differentiable once with
        respect to the table, the weights and the biases (and the points with `points_gradient`).
        `loss.backward()` adds the table's gradient into `table.grad` in place where that exists: a fresh
        dense gradient per step would cost more than the whole scatter (`table_gradient.py`).

    Raises:
        ValueError: a shape, dtype, device or name does not fit; names the argument. `fused` with
            `points_gradient`.
        UserError: a precision that the machine, or the kernels built for it, lack.
        RuntimeError: on differentiating a second time.

    Example:
        >>> layout = GridLayout(levels=4, features=2, log2_table_size=12, base_resolution=8)
        >>> table = torch.zeros(layout.n_parameters, requires_grad=True)
        >>> weights = [torch.randn(16, 3 + 8) / 4, torch.randn(5, 16) / 4]
        >>> biases = [torch.zeros(16), torch.zeros(5)]
        >>> outputs, gradient = sdf_query(torch.rand(6, 3), table, weights, biases, layout)
        >>> outputs.shape, gradient.shape  # the SDF and four features, and the SDF's gradient
        (torch.Size([6, 5]), torch.Size([6, 3]))
        >>> (gradient.norm(dim=1) - 1).square().mean().backward()  # an eikonal loss trains the table
        >>> table.grad.abs().sum() > 0
        tensor(True)

    Source: NeuS2 (arXiv 2212.05231), Sec. 3.3, with the curvature of activations other than ReLU.
    """
    shape = SdfShape(
        layout, interpolation, activation, beta, active_levels, coordinates, n_frequencies, precision
    )
    _check(points, table, weights, biases, shape)
    row = fused_mlp.checked_row("sdf_query", row, points, weights)
    if points_gradient:
        if fused:
            raise ValueError("sdf_query: 'points_gradient' is composed, 'fused' must be None or False")
        return composed_query.along_points(points, table, weights, biases, shape, row)
    fused = serves(points, table, weights, biases) if fused is None else fused
    keep = torch.is_grad_enabled()  # a backward may follow
    return _SdfQuery.apply(points, table, row, shape, fused, keep, len(weights), *weights, *biases)


@eager
def sdf_values(
    points: Tensor,
    table: Tensor,
    weights: Sequence[Tensor],
    biases: Sequence[Tensor],
    layout: GridLayout,
    *,
    interpolation: str = "smoothstep",
    activation: str = "softplus",
    beta: float = 100.0,
    active_levels: int | None = None,
    coordinates: bool = True,
    n_frequencies: int = 0,
    fused: bool | None = None,
) -> Tensor:
    """Network outputs [N, O] only, without derivatives: for marching, extraction and the occupancy grid.

    Arguments and errors as for `sdf_query`.
    """
    shape = SdfShape(
        layout, interpolation, activation, beta, active_levels, coordinates, n_frequencies, "float32"
    )
    _check(points, table, weights, biases, shape)
    fused = serves(points, table, weights, biases) if fused is None else fused
    with torch.no_grad():
        if not fused:
            plain = [w.detach() for w in weights], [b.detach() for b in biases]
            return composed_query.values(points.detach(), table.detach(), *plain, shape)
        return _fused_forward(points, table, weights, biases, shape, gradient=False)[0]


def serves(points: Tensor, table: Tensor, weights: Sequence[Tensor], biases: Sequence[Tensor]) -> bool:
    """Whether the fused kernel takes these: on one device, in float32, a network that it knows."""
    return fused_mlp.kernels_of(weights[0].shape[1], weights, points, table, *biases) is not None


def path(table: Tensor) -> str:
    """Which way the queries of a field with this table go, for logs: "fused avx512", "composed torch"."""
    name = native.name_of(table)
    return "composed torch" if name == "torch" else f"fused {name}"


class _SdfQuery(torch.autograd.Function):
    @staticmethod
    def forward(  # type: ignore[override]
        ctx: Any,
        points: Tensor,
        table: Tensor,
        row: Tensor | None,
        shape: SdfShape,
        fused: bool,
        keep: bool,
        n_layers: int,
        *parameters: Tensor,
    ) -> tuple[Tensor, Tensor]:
        points, plain = points.detach(), [p.detach() for p in parameters]
        network = plain[:n_layers], plain[n_layers:]
        if fused:
            outputs, gradient, saved = _fused_forward(points, table, *network, shape, row, keep=keep)
        else:
            outputs, gradient, saved = composed_query.forward(points, table.detach(), *network, shape, row)
        assert gradient is not None  # asked for
        ctx.save_for_backward(points, row, *parameters, *saved)
        ctx.table, ctx.details = table, (shape, fused, n_layers)
        ctx.set_materialize_grads(False)  # a loss that sees only one of the two outputs costs only that one
        return outputs, gradient

    @staticmethod
    @eager
    def backward(ctx: Any, d_outputs: Tensor | None, d_gradient: Tensor | None) -> tuple[Tensor | None, ...]:
        shape, fused, n_layers = ctx.details
        points, row, *rest = ctx.saved_tensors
        plain = [p.detach() for p in rest[: 2 * n_layers]]
        network, saved = (plain[:n_layers], plain[n_layers:]), rest[2 * n_layers :]
        table = ctx.table
        adjoints = _plain(d_outputs), _plain(d_gradient)
        into, returned = place_for(table, ctx.needs_input_grad[1])
        if fused:
            found = _fused_backward(points, table.detach(), *network, shape, saved, *adjoints, into, row)
        else:
            found = composed_query.backward(points, *network, shape, saved, *adjoints, into, row)
        d_table = once(into, WHY_ONCE) if returned else None
        d_parameters = [once(d, WHY_ONCE) for d in (*found[0], *found[1])]
        return None, d_table, *[None] * 5, *d_parameters


def _fused_forward(
    points: Tensor,
    table: Tensor,
    weights: Sequence[Tensor],
    biases: Sequence[Tensor],
    shape: SdfShape,
    row: Tensor | None = None,
    gradient: bool = True,
    keep: bool = False,
) -> tuple[Tensor, Tensor | None, tuple[Tensor, ...]]:
    kernels = native.kernels(points, table)
    outputs = points.new_empty(len(points), len(biases[-1]))
    arguments = _arguments(kernels, points, table, weights, biases, shape)
    direction = points.new_empty(len(points), 3) if gradient else None
    kept = None
    if keep:
        kept = points.new_empty(kernels.sdf_query_keeps(arguments[0], len(points)))
    kernels.sdf_query_forward(*arguments, row, outputs, direction, kept)
    return outputs, direction, () if kept is None else (kept,)


def _fused_backward(
    points: Tensor,
    table: Tensor,
    weights: Sequence[Tensor],
    biases: Sequence[Tensor],
    shape: SdfShape,
    saved: Sequence[Tensor],
    d_outputs: Tensor | None,
    d_gradient: Tensor | None,
    table_gradient: Tensor,
    row: Tensor | None,
) -> tuple[list[Tensor], list[Tensor]]:
    kernels = native.kernels(points, table)
    found = [w.new_empty(w.shape) for w in weights], [b.new_empty(b.shape) for b in biases]
    kernels.sdf_query_backward(
        *_arguments(kernels, points, table, weights, biases, shape),
        row,
        d_outputs,
        d_gradient,
        saved[0],
        *found,
        table_gradient,
    )
    return found


def _plain(adjoint: Tensor | None) -> Tensor | None:
    return None if adjoint is None else adjoint.detach().contiguous()


def _arguments(
    kernels: Any,
    points: Tensor,
    table: Tensor,
    weights: Sequence[Tensor],
    biases: Sequence[Tensor],
    shape: SdfShape,
) -> tuple[Any, ...]:
    encoding = grid.native_arguments(kernels, shape.layout, shape.interpolation, shape.active_levels)
    query = kernels.QueryShape(*encoding, shape.coordinates, shape.n_frequencies)
    details = shape.activation, shape.beta, shape.precision
    network = fused_mlp.native_network(kernels, weights, biases, *details)
    return query, table.detach().contiguous(), network, points.detach().contiguous()


def _check(
    points: Tensor, table: Tensor, weights: Sequence[Tensor], biases: Sequence[Tensor], shape: SdfShape
) -> None:
    grid.check(points, table, shape.layout, shape.interpolation)
    if shape.n_frequencies < 0:
        raise ValueError(f"sdf_query: 'n_frequencies' must not be negative, got {shape.n_frequencies}")
    rows = points.new_empty(0, shape.width)  # what the network will see, for its own checks
    fused_mlp.check(rows, weights, biases, shape.activation, shape.beta, "none", shape.precision)
