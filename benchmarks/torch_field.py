"""A hash-grid SDF in plain torch, as a user would write it: the peer of the fused field query."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from benchmarks import nerfstudio_peer
from neurfield.fields.sdf import SDFField
from neurfield.ops.reference import fused_mlp, grid

Outputs = Callable[[Tensor], Tensor]  # points [N, 3] of the unit frame to network outputs [N, O]
Query = Callable[[Tensor], tuple[Tensor, Tensor]]  # ... to outputs and the gradient [N, 3] of the first one


def reference_outputs(field: SDFField) -> tuple[Outputs, list[Tensor]]:
    """The field's own parameters in our torch reference, and copies of them as leaves."""
    layers: Sequence[Any] = list(field.layers)
    table = field.encoding.table.detach().clone().requires_grad_()
    weights = [layer.weight.detach().clone().requires_grad_() for layer in layers]
    biases = [layer.bias.detach().clone().requires_grad_() for layer in layers]
    layout, interpolation = field.encoding.layout, field.encoding.interpolation

    def outputs(points: Tensor) -> Tensor:
        features = grid.encode(points * 0.5 + 0.5, table, layout, interpolation)
        inputs = torch.cat([points, features], dim=1)
        return fused_mlp.forward(inputs, weights, biases, "relu", 1.0, "none", False)[0]

    return outputs, [table, *weights, *biases]


def nerfstudio_outputs(field: SDFField) -> tuple[Outputs, list[Tensor]]:
    """A field of nerfstudio's parts with the sizes of ours (as its SDFField puts them together)."""
    encoding = nerfstudio_peer.hash_encoding(field.encoding.layout)
    sizes = [layer.out_features for layer in field.layers]  # type: ignore[union-attr]
    network = nerfstudio_peer.network(3 + field.encoding.output_dim, sizes[0], len(sizes) - 1, sizes[-1])

    def outputs(points: Tensor) -> Tensor:
        return network(torch.cat([points, encoding(points * 0.5 + 0.5)], dim=1))

    return outputs, [encoding.hash_table, *network.parameters()]


def with_autograd(outputs: Outputs, create_graph: bool = True) -> Query:
    """The gradient by autograd, to be differentiated once more where `create_graph` says so."""

    def query(points: Tensor) -> tuple[Tensor, Tensor]:
        leaf = points.detach().requires_grad_()
        found = outputs(leaf)
        (gradient,) = torch.autograd.grad(found[:, 0].sum(), leaf, create_graph=create_graph)
        return found, gradient

    return query


def by_functional_gradient(outputs: Outputs) -> Query:
    """The gradient by torch.func, which a compiled function may contain."""

    def first(points: Tensor) -> tuple[Tensor, Tensor]:
        found = outputs(points)
        return found[:, 0].sum(), found

    def query(points: Tensor) -> tuple[Tensor, Tensor]:
        gradient, found = torch.func.grad(first, has_aux=True)(points)
        return found, gradient

    return query


def compiled(outputs: Outputs) -> Query:
    """A query through torch.compile. Its backward cannot be differentiated again, so the gradient is taken
    inside the compiled function."""
    return torch.compile(by_functional_gradient(outputs))
