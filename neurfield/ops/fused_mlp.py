"""Tiny fully connected networks: value, spatial gradient, and the backward of both in one pass.

Layers are given as `torch.nn.Linear` holds them: weights [out, in] and biases [out], the last pair being the
output layer. In float32 the native kernel runs, on the CPU for any network, on a GPU for hidden layers of up
to 128 units; it keeps nothing between forward and backward and recomputes instead.

`precision="bfloat16"` (where `precisions_of` has it) rounds the factors of products that make derivatives to
bfloat16, summed in float32: the spatial gradient, and all of the backward. Values stay in float32, because
what a loss compares with data is the value: the outputs are the same bits in both precisions. Errors relative
to float64, root mean square over 8192 points near the surface of a fitted room (31-64-64-16, softplus, beta
100): spatial gradient 1.6e-3, d_inputs 3.2e-3, the weights' and biases' derivatives 3.1e-3 to 4.5e-3. (With
bfloat16 values as well, the distances of that room are off by 1.2e-3 of half its box, as much as the width to
which its surface is sharpened, and the weights' derivatives by up to 1.7e-2.) `precision="float16"`, on a GPU
alone, keeps three more bits of the same factors; they are scaled by powers of two, row by row, so that
adjoints may have any size. Tensor cores multiply values, and in float32 everything, as sums of products of
halves (csrc/network/mlp_factors.h).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from neurfield.errors import UserError
from neurfield.ops import native
from neurfield.ops.eager import eager
from neurfield.ops.once import once
from neurfield.ops.reference import fused_mlp as reference

ACTIVATIONS = ("relu", "softplus")
OUTPUT_ACTIVATIONS = ("none", "sigmoid")
PRECISIONS = ("float32", "bfloat16", "float16")


def precisions_of(*tensors: Tensor) -> tuple[str, ...]:
    """The precisions in which derivatives of networks with such tensors can be multiplied here."""
    kernels = native.kernels(*tensors)
    if kernels is None:
        return ("float32",)
    there = {"float32": True, "bfloat16": kernels.has_bf16(), "float16": kernels.has_float16()}
    return tuple(name for name in PRECISIONS if there[name])


def kernels_of(n_inputs: int, weights: Sequence[Tensor], *tensors: Tensor) -> Any:
    """The module whose kernels take this network and these tensors, or None: see `native.kernels`."""
    kernels = native.kernels(*weights, *tensors)
    if kernels is None or not kernels.mlp_serves(n_inputs, [len(w) for w in weights]):
        return None
    return kernels


def native_network(
    kernels: Any,
    weights: Sequence[Tensor],
    biases: Sequence[Tensor],
    activation: str,
    beta: float,
    precision: str,
) -> Any:
    """A network as a module's kernels take it."""
    return kernels.Network(list(map(_plain, weights)), list(map(_plain, biases)), activation, beta, precision)


@eager
def mlp(
    inputs: Tensor,
    weights: Sequence[Tensor],
    biases: Sequence[Tensor],
    activation: str = "relu",
    beta: float = 1.0,
    output_activation: str = "none",
    precision: str = "float32",
) -> Tensor:
    """Network outputs, differentiable once with respect to inputs, weights and biases.

    Args:
        inputs: [N, D].
        weights: [out, in] per layer, at least one hidden.
        biases: [out] per layer.
        activation: "relu", or "softplus" = log(1 + exp(beta z)) / beta (beta is ignored by "relu").
        output_activation: "none" or "sigmoid".
        precision: "float32", or "bfloat16" or "float16" for the products that make derivatives (see above).

    Returns:
        outputs [N, O].

    Raises:
        ValueError: a shape, dtype, device or name does not fit; names the argument.
        UserError: a precision that the machine, or the kernels built for it, lack.

    Example:
        >>> weights, biases = [torch.ones(2, 3), torch.ones(1, 2)], [torch.zeros(2), torch.ones(1)]
        >>> mlp(torch.tensor([[1.0, 2.0, 3.0]]), weights, biases)
        tensor([[13.]])
    """
    check(inputs, weights, biases, activation, beta, output_activation, precision)
    details = (activation, float(beta), output_activation, precision)
    return _Mlp.apply(inputs, details, len(weights), *weights, *biases)


@eager
def mlp_with_gradient(
    inputs: Tensor,
    weights: Sequence[Tensor],
    biases: Sequence[Tensor],
    activation: str = "softplus",
    beta: float = 100.0,
    precision: str = "float32",
    row: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Network outputs [N, O] and gradient [N, D] of one of them by the inputs; both differentiable once.

    The gradient is that of output `row` [N] int64 of each point, of the first for None; its own backward is
    what losses on normals and eikonal losses need. Other arguments and errors as for `mlp`.
    Source: NeuS2 (arXiv 2212.05231), Sec. 3.3, with Softplus's curvature term added.

    Example:
        >>> weights, biases = [torch.ones(2, 3), torch.ones(1, 2)], [torch.zeros(2), torch.ones(1)]
        >>> outputs, gradient = mlp_with_gradient(torch.ones(4, 3), weights, biases, activation="relu")
        >>> gradient[0]
        tensor([2., 2., 2.])
    """
    check(inputs, weights, biases, activation, beta, "none", precision)
    row = checked_row("mlp", row, inputs, weights)
    details = (activation, float(beta), "none", precision)
    return _MlpWithGradient.apply(inputs, row, details, len(weights), *weights, *biases)


@eager
def mlp_forward(
    inputs: Tensor,
    weights: Sequence[Tensor],
    biases: Sequence[Tensor],
    activation: str = "relu",
    beta: float = 1.0,
    output_activation: str = "none",
    *,
    gradient: bool = False,
    precision: str = "float32",
    row: Tensor | None = None,
) -> tuple[Tensor, Tensor | None]:
    """Outputs [N, O] and, with `gradient`, that of one of them by the inputs [N, D]; builds no graph.

    Args:
        row: [N] int64, per point the output whose gradient is asked for; None for the first. On a GPU nobody
            looks whether it is within bounds: the gradient is not a number where it is not.

    Raises:
        ValueError: as for `mlp`; also for `gradient` together with an output activation.
    """
    check(inputs, weights, biases, activation, beta, output_activation, precision)
    if gradient and output_activation != "none":
        raise ValueError(
            f"mlp: 'gradient' is that of a network without output activation, got {output_activation!r}"
        )
    row = checked_row("mlp", row, inputs, weights)
    inputs, weights, biases = _plain(inputs), [_plain(w) for w in weights], [_plain(b) for b in biases]
    kernels = kernels_of(inputs.shape[1], weights, inputs, *biases)
    details = activation, beta, output_activation
    if kernels is None:
        with torch.no_grad():
            return reference.forward(inputs, weights, biases, *details, gradient, row=row)
    outputs = inputs.new_empty(inputs.shape[0], weights[-1].shape[0])
    slope = torch.empty_like(inputs) if gradient else None
    network = native_network(kernels, weights, biases, activation, beta, precision)
    kernels.mlp_forward(inputs, network, output_activation == "sigmoid", row, outputs, slope)
    return outputs, slope


@eager
def mlp_backward(
    inputs: Tensor,
    weights: Sequence[Tensor],
    biases: Sequence[Tensor],
    activation: str = "relu",
    beta: float = 1.0,
    output_activation: str = "none",
    *,
    d_outputs: Tensor,
    d_gradient: Tensor | None = None,
    precision: str = "float32",
    row: Tensor | None = None,
) -> tuple[Tensor, list[Tensor], list[Tensor]]:
    """The backward of `mlp_forward`, from the same arguments; builds no autograd graph.

    Args:
        d_outputs: [N, O], the loss's derivative with respect to the outputs (after the output activation).
        d_gradient: [N, D], with respect to the gradient; None if the loss does not see it.
        row: as for `mlp_forward`.

    Returns:
        d_inputs [N, D], then the lists of the weights' and the biases' derivatives. Sums over points are
        taken in an order that depends on N alone: the same input gives the same bits whatever the threads.

    Raises:
        ValueError: as for `mlp_forward`, and if an adjoint's shape is not that of its value.
    """
    check(inputs, weights, biases, activation, beta, output_activation, precision)
    _expect_shape("d_outputs", d_outputs, (inputs.shape[0], weights[-1].shape[0]))
    if d_gradient is not None:
        _expect_shape("d_gradient", d_gradient, tuple(inputs.shape))
        if output_activation != "none":
            raise ValueError(
                f"mlp: 'd_gradient' needs a network without output activation, got {output_activation!r}"
            )
    row = checked_row("mlp", row, inputs, weights)
    inputs, weights, biases = _plain(inputs), [_plain(w) for w in weights], [_plain(b) for b in biases]
    d_outputs = _plain(d_outputs)
    d_gradient = None if d_gradient is None else _plain(d_gradient)
    adjoints = [d_outputs] if d_gradient is None else [d_outputs, d_gradient]
    kernels = kernels_of(inputs.shape[1], weights, inputs, *biases, *adjoints)
    if kernels is None:
        details = activation, beta, output_activation
        return reference.backward(inputs, weights, biases, *details, d_outputs, d_gradient, row=row)
    d_inputs = torch.empty_like(inputs)
    d_weights, d_biases = [torch.empty_like(w) for w in weights], [torch.empty_like(b) for b in biases]
    network = native_network(kernels, weights, biases, activation, beta, precision)
    sigmoid = output_activation == "sigmoid"
    kernels.mlp_backward(inputs, network, sigmoid, row, d_outputs, d_gradient, d_inputs, d_weights, d_biases)
    return d_inputs, d_weights, d_biases


Details = tuple[str, float, str, str]  # activation, beta, output activation, precision


class _Mlp(torch.autograd.Function):
    @staticmethod
    def forward(  # type: ignore[override]
        ctx: Any, inputs: Tensor, details: Details, n: int, *parameters: Tensor
    ) -> Tensor:
        ctx.save_for_backward(inputs, *parameters)
        ctx.details = details
        activation, beta, output, precision = details
        network = inputs, parameters[:n], parameters[n:], activation, beta, output
        return mlp_forward(*network, precision=precision)[0]

    @staticmethod
    @eager
    def backward(ctx: Any, d_outputs: Tensor) -> tuple[Tensor | None, ...]:
        d_inputs, *found = _backward(ctx, *ctx.saved_tensors, d_outputs=d_outputs)
        return d_inputs, None, None, *found


class _MlpWithGradient(torch.autograd.Function):
    @staticmethod
    def forward(  # type: ignore[override]
        ctx: Any, inputs: Tensor, row: Tensor | None, details: Details, n: int, *parameters: Tensor
    ) -> tuple[Tensor, Tensor]:
        ctx.save_for_backward(row, inputs, *parameters)
        ctx.details = details
        ctx.set_materialize_grads(False)  # a loss that sees only one of the two outputs costs only that one
        activation, beta, output, precision = details
        network = inputs, parameters[:n], parameters[n:], activation, beta, output
        outputs, slope = mlp_forward(*network, gradient=True, precision=precision, row=row)
        assert slope is not None  # asked for
        return outputs, slope

    @staticmethod
    @eager
    def backward(ctx: Any, d_outputs: Tensor | None, d_gradient: Tensor | None) -> tuple[Tensor | None, ...]:
        row, *saved = ctx.saved_tensors
        d_inputs, *found = _backward(ctx, *saved, d_outputs=d_outputs, d_gradient=d_gradient, row=row)
        return d_inputs, None, None, None, *found


def _backward(
    ctx: Any,
    inputs: Tensor,
    *parameters: Tensor,
    d_outputs: Tensor | None,
    d_gradient: Tensor | None = None,
    row: Tensor | None = None,
) -> list[Tensor]:
    """Of the inputs, then of weights and biases."""
    n = len(parameters) // 2
    if d_outputs is None:
        d_outputs = inputs.new_zeros(inputs.shape[0], parameters[n - 1].shape[0])
    activation, beta, output, precision = ctx.details
    network = inputs, parameters[:n], parameters[n:], activation, beta, output
    d_inputs, d_weights, d_biases = mlp_backward(
        *network, d_outputs=d_outputs, d_gradient=d_gradient, precision=precision, row=row
    )
    return list(map(_once, (d_inputs, *d_weights, *d_biases)))


def _once(derivative: Tensor) -> Tensor:
    return once(
        derivative,
        "the fused network can be differentiated once: for a loss on the gradient with respect to its inputs "
        "use mlp_with_gradient, which returns that gradient as a value",
    )


def _check_precision(precision: str, inputs: Tensor) -> None:
    if precision in precisions_of(inputs):
        return
    kernels = native.kernels(inputs)
    if kernels is None and inputs.dtype != torch.float32:
        raise ValueError(
            f"mlp: 'precision' {precision} is for float32 tensors, got {inputs.dtype} on {inputs.device}"
        )
    needs = {
        ("bfloat16", "cpu"): "a processor with AVX512_BF16 and the avx512 kernels",
        ("bfloat16", "cuda"): "the CUDA kernels and a GPU of compute capability 8.0 or more",
        ("float16", "cpu"): "a GPU",
        ("float16", "cuda"): "the CUDA kernels",
    }.get((precision, inputs.device.type), "another device")
    here = "none" if kernels is None else kernels.isa
    raise UserError(f"mlp: precision {precision} needs {needs} (kernels here: {here}); use precision float32")


def checked_row(who: str, row: Tensor | None, points: Tensor, weights: Sequence[Tensor]) -> Tensor | None:
    """`row` as kernels take it; raises ValueError unless it is None or names an output for each point.

    On a GPU nobody looks at its numbers, which would have to be waited for.
    """
    if row is None:
        return None
    if row.dtype != torch.int64 or row.shape != points.shape[:1] or row.device != points.device:
        wanted = f"[{len(points)}] of torch.int64 on {points.device}"
        kind = f"{list(row.shape)} of {row.dtype} on {row.device}"
        raise ValueError(f"{who}: 'row' must be {wanted}, got {kind}")
    outputs = len(weights[-1])
    if row.device.type == "cpu" and bool(((row < 0) | (row >= outputs)).any()):
        least, most = (int(end) for end in row.aminmax())
        raise ValueError(f"{who}: 'row' must be 0 to {outputs - 1}, got {least} to {most}")
    return row.contiguous()


def _plain(tensor: Tensor) -> Tensor:
    return tensor.detach().contiguous()


def _expect_shape(name: str, tensor: Tensor, shape: tuple[int, ...]) -> None:
    if tuple(tensor.shape) != shape:
        raise ValueError(f"mlp: '{name}' must have shape {list(shape)}, got {list(tensor.shape)}")


def check(
    inputs: Tensor,
    weights: Sequence[Tensor],
    biases: Sequence[Tensor],
    activation: str,
    beta: float,
    output_activation: str,
    precision: str = "float32",
) -> None:
    """Raises as `mlp` does, naming the argument, unless these make a network that it takes."""
    native.refuse_transforms()
    if activation not in ACTIVATIONS:
        raise ValueError(f"mlp: 'activation' must be one of {', '.join(ACTIVATIONS)}, got {activation!r}")
    if output_activation not in OUTPUT_ACTIVATIONS:
        raise ValueError(
            f"mlp: 'output_activation' must be one of {', '.join(OUTPUT_ACTIVATIONS)}, "
            f"got {output_activation!r}"
        )
    if precision not in PRECISIONS:
        raise ValueError(f"mlp: 'precision' must be one of {', '.join(PRECISIONS)}, got {precision!r}")
    if precision != "float32":
        _check_precision(precision, inputs)
    if activation == "softplus" and not beta > 0:
        raise ValueError(f"mlp: 'beta' must be positive, got {beta}")
    if inputs.ndim != 2:
        raise ValueError(f"mlp: 'inputs' must be [N, D], got {list(inputs.shape)}")
    if len(weights) < 2:
        raise ValueError(
            f"mlp: 'weights' must hold at least one hidden and the output layer, got {len(weights)}"
        )
    if len(biases) != len(weights):
        raise ValueError(f"mlp: 'biases' must be as many as the {len(weights)} weights, got {len(biases)}")
    width = inputs.shape[1]
    for i, (weight, bias) in enumerate(zip(weights, biases)):
        if weight.ndim != 2 or weight.shape[1] != width:
            raise ValueError(f"mlp: 'weights[{i}]' must be [out, {width}], got {list(weight.shape)}")
        width = weight.shape[0]
        _expect_shape(f"biases[{i}]", bias, (width,))
        for name, tensor in ((f"weights[{i}]", weight), (f"biases[{i}]", bias)):
            if tensor.dtype != inputs.dtype or tensor.device != inputs.device:
                raise ValueError(
                    f"mlp: '{name}' must be {inputs.dtype} on {inputs.device} as 'inputs' is, "
                    f"got {tensor.dtype} on {tensor.device}"
                )
