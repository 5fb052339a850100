"""Tiny networks, one a cell of a grid: rows and points through them, rays to their zero.

After KiloNeRF (Reiser et al. 2021) and KiloNeuS (Esposito et al. 2022), whose kernels run on a GPU. Here
a cell's rows are as many as they are: they are binned, not padded, and go through their network in tiles,
while it stays in the first cache. In float32 the native kernels run on the CPU; elsewhere the reference does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from neurfield.ops import native
from neurfield.ops.cell_shells import CellShells, cell_shells
from neurfield.ops.eager import eager
from neurfield.ops.fused_mlp import ACTIVATIONS, OUTPUT_ACTIVATIONS
from neurfield.ops.once import once
from neurfield.ops.points import check_points
from neurfield.ops.ray_march import ray_box
from neurfield.ops.reference import cell_networks as reference

Details = tuple[str, float, str, bool]  # activation, beta, output activation, with the gradient


@eager
def cell_mlp(
    inputs: Tensor,
    starts: Tensor,
    weights: Sequence[Tensor],
    biases: Sequence[Tensor],
    activation: str = "softplus",
    beta: float = 20.0,
    output_activation: str = "none",
) -> Tensor:
    """Outputs [N, O] of K networks, differentiable once by inputs, weights and biases.

    Args:
        inputs: [N, D], sorted by network.
        starts: [K + 1] int64: the rows of network k are starts[k] to starts[k + 1].
        weights: [K, out, in] of each layer, at least one hidden one before the output layer.
        biases: [K, out] of each layer.
        activation: of the hidden layers, "relu" or "softplus".
        beta: sharpness of the softplus.
        output_activation: "none" or "sigmoid".

    Raises:
        ValueError: a shape, type or name does not fit; names the argument.
    """
    check(inputs, starts, weights, biases, activation, beta, output_activation)
    details = activation, beta, output_activation, False
    return _CellMlp.apply(inputs, starts, details, len(weights), *weights, *biases)[0]


@eager
def cell_mlp_with_gradient(
    inputs: Tensor,
    starts: Tensor,
    weights: Sequence[Tensor],
    biases: Sequence[Tensor],
    activation: str = "softplus",
    beta: float = 20.0,
) -> tuple[Tensor, Tensor]:
    """Outputs [N, O] and the first output's gradient [N, D] by the inputs, both differentiable once.

    Arguments and what is raised as for `cell_mlp`.
    """
    check(inputs, starts, weights, biases, activation, beta, "none")
    details = activation, beta, "none", True
    return _CellMlp.apply(inputs, starts, details, len(weights), *weights, *biases)


@eager
def cell_query(
    points: Tensor,
    table: Tensor,
    low: Sequence[float],
    edge: float,
    octaves: int,
    weights: Sequence[Tensor],
    biases: Sequence[Tensor],
    activation: str = "softplus",
    beta: float = 20.0,
    gradient: bool = False,
) -> tuple[Tensor, Tensor | None]:
    """What the networks of points' cells say of them; without derivatives by weights.

    A network sees where in its cell a point is, in [-1, 1]^3, with sines and cosines of 2^k pi times that for
    k below `octaves`. Its first output is in halves of an edge.

    Args:
        points: [N, 3]; those outside of the grid belong to its nearest cell.
        table: int32 [X, Y, Z], each cell's network, or -1 in free space and -2 in matter without one.
        low: corner of the grid.
        edge: of a cell.
        octaves: of sines and cosines.
        weights, biases, activation, beta: as for `cell_mlp`.
        gradient: whether the first output's gradient by the point is wanted.

    Returns:
        outputs [N, O], the first as a length, and its gradient [N, 3] or None; zeros in cells without
        network.

    Raises:
        ValueError: as for `cell_mlp`, or a point is not finite.
    """
    check_points("cell_query", points, 3, weights[0].dtype)
    plain = points.detach().contiguous()
    parameters = [w.detach().contiguous() for w in weights], [b.detach().contiguous() for b in biases]
    kernels = native.kernels(plain, *parameters[0], needs="cell_query")
    if kernels is None:
        corner = torch.as_tensor(low, dtype=points.dtype, device=points.device)
        with torch.no_grad():
            return reference.query(
                plain, table, corner, edge, octaves, *parameters, activation, beta, gradient
            )
    outputs = plain.new_empty(len(plain), weights[-1].shape[1])
    slope = torch.empty_like(plain) if gradient else None
    network = kernels.Network(*parameters, activation, beta, "float32")
    kernels.cell_query(plain, table.contiguous(), list(low), edge, octaves, network, outputs, slope)
    return outputs, slope


@eager
def cell_trace(
    origins: Tensor,
    directions: Tensor,
    t_min: Tensor,
    t_max: Tensor,
    table: Tensor,
    low: Sequence[float],
    edge: float,
    octaves: int,
    weights: Sequence[Tensor],
    biases: Sequence[Tensor],
    steepness: Tensor,
    activation: str = "softplus",
    beta: float = 20.0,
    shells: CellShells | None = None,
) -> Tensor:
    """Where rays first pass through the networks' zero, from either side: t [R], inf where nowhere.

    Sphere tracing (Hart 1996): a step is the distance over the steepness of its cell, a five hundredth of an
    edge at least; empty cells are left at once. The root between two samples of different signs is found to
    1e-4 of an edge. What is thinner than the least step may be missed, and so is what only a field steeper
    than `steepness` shows, or what `shells` overlooked: the native kernel asks networks where those do not
    know. The reference asks them everywhere.

    Args:
        origins: [R, 3].
        directions: [R, 3] unit.
        t_min, t_max: [R] lengths along the rays; nothing counts outside of the grid.
        steepness: [K], the steepest that each network is.
        table, low, edge, octaves, weights, biases, activation, beta: as for `cell_query`.
        shells: of these networks; None: they are made.

    Raises:
        ValueError: a shape, type or name does not fit.
    """
    rays = [t.detach().contiguous() for t in (origins, directions, t_min, t_max)]
    for name, given, shape in zip(
        ("origins", "directions", "t_min", "t_max"), rays, ((len(origins), 3),) * 2 + ((len(origins),),) * 2
    ):
        if tuple(given.shape) != shape:
            raise ValueError(f"cell_trace: '{name}' must have shape {list(shape)}, got {list(given.shape)}")
    high = [a + edge * n for a, n in zip(low, table.shape)]
    near, far = ray_box(rays[0], rays[1], [*low, *high])
    rays[2], rays[3] = rays[2].maximum(near), rays[3].minimum(far)
    parameters = [w.detach().contiguous() for w in weights], [b.detach().contiguous() for b in biases]
    steep = steepness.detach().contiguous()
    kernels = native.kernels(*rays, *parameters[0], steep, needs="cell_trace")
    if kernels is None:
        corner = torch.as_tensor(low, dtype=origins.dtype, device=origins.device)
        network = *parameters, activation, beta, steep
        with torch.no_grad():
            return reference.trace(*rays, table, corner, edge, octaves, *network)  # type: ignore[arg-type,call-arg]
    t = torch.empty_like(rays[2])
    networks = kernels.Network(*parameters, activation, beta, "float32")
    if shells is None:
        shells = cell_shells(table, low, edge, octaves, *parameters, activation, beta)
    known = shells.values, shells.errors, shells.sides.view(torch.uint8)
    kernels.cell_trace(*rays, table.contiguous(), list(low), edge, octaves, networks, steep, *known, t)
    return t


class _CellMlp(torch.autograd.Function):
    @staticmethod
    def forward(  # type: ignore[override]
        ctx: Any, inputs: Tensor, starts: Tensor, details: Details, n: int, *parameters: Tensor
    ) -> tuple[Tensor, Tensor | None]:
        inputs, parameters = inputs.contiguous(), tuple(p.contiguous() for p in parameters)
        ctx.save_for_backward(inputs, starts, *parameters)
        ctx.details, ctx.n = details, n
        ctx.set_materialize_grads(False)
        activation, beta, output, gradient = details
        weights, biases = list(parameters[:n]), list(parameters[n:])
        kernels = native.kernels(inputs, *parameters, needs="cell_forward")
        if kernels is None:
            return reference.forward(inputs, starts, weights, biases, *details)
        outputs = inputs.new_empty(len(inputs), weights[-1].shape[1])
        slope = torch.empty_like(inputs) if gradient else None
        network = kernels.Network(weights, biases, activation, beta, "float32")
        kernels.cell_forward(inputs, starts, network, output == "sigmoid", outputs, slope)
        return outputs, slope

    @staticmethod
    @eager
    def backward(ctx: Any, d_outputs: Tensor | None, d_gradient: Tensor | None) -> tuple[Tensor | None, ...]:
        inputs, starts, *parameters = ctx.saved_tensors
        n, (activation, beta, output, _) = ctx.n, ctx.details
        weights, biases = parameters[:n], parameters[n:]
        if d_outputs is None:
            d_outputs = inputs.new_zeros(len(inputs), weights[-1].shape[1])
        adjoints = [d_outputs.contiguous(), None if d_gradient is None else d_gradient.contiguous()]
        kernels = native.kernels(inputs, *parameters, needs="cell_backward")
        if kernels is None:
            found = _by_autograd(inputs, starts, parameters, ctx.details, n, adjoints)
        else:
            found = [torch.empty_like(t) for t in (inputs, *parameters)]
            network = kernels.Network(weights, biases, activation, beta, "float32")
            places = found[0], found[1 : n + 1], found[n + 1 :]
            kernels.cell_backward(inputs, starts, network, output == "sigmoid", *adjoints, *places)
        why = "networks of cells can be differentiated once: their gradient comes as a value"
        first, *rest = (once(derivative, why) for derivative in found)
        return first, None, None, None, *rest


def _by_autograd(
    inputs: Tensor,
    starts: Tensor,
    parameters: Sequence[Tensor],
    details: Details,
    n: int,
    adjoints: Sequence[Tensor | None],
) -> list[Tensor]:
    """The backward of the reference, of inputs, weights and biases."""
    leaves = [t.detach().requires_grad_() for t in (inputs, *parameters)]
    with torch.enable_grad():
        activation, beta, output, _ = details
        network = leaves[1 : n + 1], leaves[n + 1 :], activation, beta, output
        answers = reference.forward(leaves[0], starts, *network, adjoints[1] is not None)
        pairs = [(a, d) for a, d in zip(answers, adjoints) if a is not None and d is not None]
        values, changes = [a for a, _ in pairs], [d for _, d in pairs]
        found = torch.autograd.grad(values, leaves, changes, allow_unused=True)
    return [torch.zeros_like(t) if g is None else g for t, g in zip(leaves, found)]


def check(
    inputs: Tensor,
    starts: Tensor,
    weights: Sequence[Tensor],
    biases: Sequence[Tensor],
    activation: str,
    beta: float,
    output_activation: str,
) -> None:
    """Raise ValueError, naming the argument, unless these are networks and rows for them."""
    native.refuse_transforms()
    if activation not in ACTIVATIONS:
        raise ValueError(
            f"cell_mlp: 'activation' must be one of {', '.join(ACTIVATIONS)}, got {activation!r}"
        )
    if output_activation not in OUTPUT_ACTIVATIONS:
        names = ", ".join(OUTPUT_ACTIVATIONS)
        raise ValueError(f"cell_mlp: 'output_activation' must be one of {names}, got {output_activation!r}")
    if activation == "softplus" and not beta > 0:
        raise ValueError(f"cell_mlp: 'beta' must be positive, got {beta}")
    if inputs.ndim != 2:
        raise ValueError(f"cell_mlp: 'inputs' must be [N, D], got {list(inputs.shape)}")
    if len(weights) < 2 or len(biases) != len(weights):
        raise ValueError(
            f"cell_mlp: 'weights' and 'biases' must be as many, two at least: {len(weights)}, {len(biases)}"
        )
    cells, width = weights[0].shape[0], inputs.shape[1]
    for i, (weight, bias) in enumerate(zip(weights, biases)):
        if weight.ndim != 3 or (weight.shape[0], weight.shape[2]) != (cells, width):
            raise ValueError(
                f"cell_mlp: 'weights[{i}]' must be [{cells}, out, {width}], got {list(weight.shape)}"
            )
        width = weight.shape[1]
        if tuple(bias.shape) != (cells, width):
            raise ValueError(f"cell_mlp: 'biases[{i}]' must be {[cells, width]}, got {list(bias.shape)}")
    if starts.dtype != torch.int64 or tuple(starts.shape) != (cells + 1,):
        raise ValueError(
            f"cell_mlp: 'starts' must be int64 [{cells + 1}], got {starts.dtype} {list(starts.shape)}"
        )
