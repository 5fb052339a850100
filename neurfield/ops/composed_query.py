"""The field queries composed of one kernel after the other.

The fused kernels are held against them, and they run where those do not (another device, another float type,
no compiler). The composition hash grid -> network is differentiated by hand (the rule of NeuS2, Sec. 3.3,
extended to activations with curvature), so that a step costs two passes over the network and one scatter into
the table.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from neurfield.ops import fused_mlp, grid
from neurfield.ops.grid import GridLayout
from neurfield.ops.reference.sdf_query import frequency_features


@dataclass(frozen=True)
class SdfShape:
    """What an SDF's network sees of a point, and how it answers.

    The columns of its input are the point (3, if `coordinates`), its frequencies (6 `n_frequencies`), and the
    grid's features.
    """

    layout: GridLayout
    interpolation: str
    activation: str
    beta: float
    active_levels: int | None
    coordinates: bool
    n_frequencies: int
    precision: str

    @property
    def features_at(self) -> int:
        """The first column of the grid's features."""
        return (3 if self.coordinates else 0) + 6 * self.n_frequencies

    @property
    def width(self) -> int:
        """Columns of the network's input."""
        return self.features_at + self.layout.output_dim


def values(
    points: Tensor, table: Tensor, weights: Sequence[Tensor], biases: Sequence[Tensor], shape: SdfShape
) -> Tensor:
    """Network outputs [N, O]."""
    features = grid.encode(points * 0.5 + 0.5, table, shape.layout, shape.interpolation, shape.active_levels)
    inputs = torch.cat([*_plain_columns(points, shape), features], dim=1)
    return fused_mlp.mlp_forward(inputs, weights, biases, activation=shape.activation, beta=shape.beta)[0]


def forward(
    points: Tensor,
    table: Tensor,
    weights: Sequence[Tensor],
    biases: Sequence[Tensor],
    shape: SdfShape,
    row: Tensor | None = None,
) -> tuple[Tensor, Tensor, tuple[Tensor, ...]]:
    """Outputs [N, O], gradient [N, 3] of output `row`, and what `backward` wants."""
    features, jacobian = grid.encode_with_jacobian(
        points * 0.5 + 0.5, table, shape.layout, shape.interpolation, shape.active_levels
    )
    inputs = torch.cat([*_plain_columns(points, shape), features], dim=1)
    outputs, slope = fused_mlp.mlp_forward(
        inputs,
        weights,
        biases,
        activation=shape.activation,
        beta=shape.beta,
        gradient=True,
        precision=shape.precision,
        row=row,
    )
    assert slope is not None  # asked for
    d_features = slope[:, shape.features_at :].contiguous()
    gradient = 0.5 * grid.jacobian_t_product(jacobian, d_features)
    if shape.coordinates:
        gradient = gradient + slope[:, :3]
    if shape.n_frequencies > 0:
        waves = slope[:, shape.features_at - 6 * shape.n_frequencies : shape.features_at]
        gradient = gradient + (waves * _turned(inputs, shape)).view(len(points), -1, 3).sum(dim=1)
    return outputs, gradient, (inputs, jacobian, d_features)


def backward(
    points: Tensor,
    weights: Sequence[Tensor],
    biases: Sequence[Tensor],
    shape: SdfShape,
    saved: Sequence[Tensor],
    d_outputs: Tensor | None,
    d_gradient: Tensor | None,
    table_gradient: Tensor,
    row: Tensor | None = None,
) -> tuple[list[Tensor], list[Tensor]]:
    """Gradients of weights and biases; that of the table is added to `table_gradient`."""
    inputs, jacobian, d_features = saved
    if d_outputs is None:
        d_outputs = points.new_zeros(len(points), len(biases[-1]))
    tangent = d_slope = None
    if d_gradient is not None:
        tangent = 0.5 * d_gradient  # chain rule of the map into the grid's cube
        columns = [d_gradient] if shape.coordinates else []
        if shape.n_frequencies > 0:
            columns.append(_turned(inputs, shape) * d_gradient.repeat(1, 2 * shape.n_frequencies))
        d_slope = torch.cat([*columns, grid.jacobian_product(jacobian, tangent)], dim=1)
    d_inputs, d_weights, d_biases = fused_mlp.mlp_backward(
        inputs,
        weights,
        biases,
        activation=shape.activation,
        beta=shape.beta,
        d_outputs=d_outputs.contiguous(),
        d_gradient=d_slope,
        precision=shape.precision,
        row=row,
    )
    grid.accumulate_table_gradient(
        points * 0.5 + 0.5,
        d_inputs[:, shape.features_at :].contiguous(),
        tangent,
        None if tangent is None else d_features,
        table_gradient,
        shape.layout,
        shape.interpolation,
        shape.active_levels,
    )
    return d_weights, d_biases


def along_points(
    points: Tensor,
    table: Tensor,
    weights: Sequence[Tensor],
    biases: Sequence[Tensor],
    shape: SdfShape,
    row: Tensor | None,
) -> tuple[Tensor, Tensor]:
    """Outputs [N, O] and gradient [N, 3] of output `row`, functions of the points too."""

    def see(points: Tensor) -> Tensor:
        on_grid = points * 0.5 + 0.5, table, shape.layout, shape.interpolation, shape.active_levels
        return torch.cat([*_plain_columns(points, shape), grid.grid_encode(*on_grid)], dim=1)

    return through(points, see, weights, biases, shape.activation, shape.beta, shape.precision, row)


def through(
    points: Tensor,
    see: Callable[[Tensor], Tensor],
    weights: Sequence[Tensor],
    biases: Sequence[Tensor],
    activation: str,
    beta: float,
    precision: str,
    row: Tensor | None,
) -> tuple[Tensor, Tensor]:
    """The same of a network that sees `see(points)` [N, D], which must be twice differentiable."""
    keep = torch.is_grad_enabled()
    with torch.enable_grad():
        points = points if keep and points.requires_grad else points.detach().requires_grad_()
        inputs = see(points)
    outputs, slope = fused_mlp.mlp_with_gradient(
        inputs if keep else inputs.detach(), weights, biases, activation, beta, precision, row
    )
    (gradient,) = torch.autograd.grad(inputs, points, slope, create_graph=keep)
    return outputs, gradient


def _plain_columns(points: Tensor, shape: SdfShape) -> list[Tensor]:
    columns = [points] if shape.coordinates else []
    return [*columns, frequency_features(points, shape.n_frequencies)]


def _turned(inputs: Tensor, shape: SdfShape) -> Tensor:
    """[N, 6 n]: the derivative of each frequency column by its own axis, from the columns themselves."""
    waves = inputs[:, shape.features_at - 6 * shape.n_frequencies : shape.features_at]
    pairs = waves.view(len(inputs), -1, 2, 3)
    rates = math.pi * 2.0 ** torch.arange(shape.n_frequencies, dtype=inputs.dtype, device=inputs.device)
    turned = torch.stack([pairs[:, :, 1], -pairs[:, :, 0]], dim=2) * rates[None, :, None, None]
    return turned.view(len(inputs), -1)
