"""tiny-cuda-nn in place of our own kernels, where it is installed, and weights both ways.

Its hash grid has the layout of ours: the same levels, padded to eight entries, entry after entry with the
features side by side; a table crosses as it is. Its networks have no biases; each layer is [outputs, inputs],
row by row, both rounded up to 16 (its CUTLASS network: 8). In its NetworkWithInputEncoding the network's
parameters come first.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from itertools import pairwise
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from neurfield.errors import UserError
from neurfield.ops.grid_layout import GridLayout
from neurfield.ops.once import once

INSTALL = 'pip install "git+https://github.com/NVlabs/tiny-cuda-nn/#subdirectory=bindings/torch"'
WHY_ONCE = (
    "tiny-cuda-nn's networks can be differentiated once: a loss on an SDF's gradient needs the network of "
    "SDFField, which may stand on tiny-cuda-nn's hash grid"
)
_INTERPOLATIONS = {"linear": "Linear", "smoothstep": "Smoothstep"}
_FUSED_WIDTHS = (16, 32, 64, 128)
_ALIGNMENTS = (16, 8)  # of its fully fused and of its CUTLASS network


def require_tcnn() -> ModuleType:
    """tinycudann.

    Raises:
        UserError: it is not installed, or finds no GPU; one line with what to do.
    """
    try:
        return importlib.import_module("tinycudann")
    except (
        ImportError,
        OSError,
        NameError,
    ) as reason:  # the last where it was built for no GPU like this one
        raise UserError(
            f"tinycudann cannot be imported ({reason}): {INSTALL}, on a machine with nvcc and an NVIDIA GPU, "
            'or leave out backend="tcnn"'
        ) from reason


def grid_module(layout: GridLayout, interpolation: str, precision: torch.dtype = torch.float32) -> Any:
    """Its encoding of this layout, parameters `params` float32 on the GPU; `precision` of its arithmetic.

    Raises:
        UserError: tiny-cuda-nn is missing.
        ValueError: the layout is one of simplices, which it does not have.
    """
    _check(layout)
    config = {
        "otype": "HashGrid",
        "n_levels": layout.levels,
        "n_features_per_level": layout.features,
        "log2_hashmap_size": layout.log2_table_size,
        "base_resolution": layout.base_resolution,
        "per_level_scale": layout.growth,
        "interpolation": _INTERPOLATIONS[interpolation],
    }
    return require_tcnn().Encoding(layout.dimensions, config, dtype=precision)


def hash_grid_to_tcnn(table: Tensor, layout: GridLayout) -> Tensor:
    """Parameters float32 of its encoding from our table.

    Raises:
        ValueError: the table is not of this layout, or the layout is one of simplices.
    """
    _check(layout)
    if table.shape != (layout.n_parameters,):
        raise ValueError(f"table: must be [{layout.n_parameters}], got {tuple(table.shape)}")
    return table.detach().to(torch.float32).contiguous().clone()


def hash_grid_from_tcnn(params: Tensor, layout: GridLayout) -> Tensor:
    """Our table, float32, from its parameters, of the encoding alone or behind those of a network.

    Raises:
        ValueError: there are fewer than the layout has, or the layout is one of simplices.
    """
    _check(layout)
    if params.dim() != 1 or len(params) < layout.n_parameters:
        raise ValueError(f"params: must be [{layout.n_parameters}] or longer, got {tuple(params.shape)}")
    return params.detach()[len(params) - layout.n_parameters :].to(torch.float32).contiguous().clone()


def network_to_tcnn(weights: Sequence[Tensor], alignment: int = 16) -> Tensor:
    """Parameters float32 of its network from layers [outputs, inputs]; the padding is zeros."""
    padded = []
    for w in weights:
        rows, columns = (_rounded(width, alignment) for width in w.shape)
        padded.append(functional.pad(w.detach().float(), (0, columns - w.shape[1], 0, rows - len(w))))
    return torch.cat([layer.reshape(-1) for layer in padded])


def network_from_tcnn(
    params: Tensor, widths: Sequence[int], alignment: int = 16
) -> tuple[list[Tensor], Tensor]:
    """Layers [outputs, inputs] float32 for widths from inputs to outputs, and the first one's bias.

    It fills up a network's inputs with ones, so that the padding's columns are a bias; behind a grid, which
    fills up with zeros, they mean nothing. What is behind the network's parameters is not looked at.

    Raises:
        ValueError: there are fewer parameters than such a network has.
    """
    shapes = _padded_shapes(widths, alignment)
    sizes = [rows * columns for rows, columns in shapes]
    if params.dim() != 1 or len(params) < sum(sizes):
        raise ValueError(f"params: a network of {list(widths)} has {sum(sizes)}, got {tuple(params.shape)}")
    parts = params.detach()[: sum(sizes)].float().split(sizes)
    full = [part.view(shape) for part, shape in zip(parts, shapes)]
    bias = full[0][: widths[1], widths[0] :].sum(dim=1)
    return [w[:o, :i].clone() for w, (i, o) in zip(full, pairwise(widths))], bias


class TcnnNetwork(nn.Module):
    """Its tiny network, without biases: outputs [N, outputs] float32 of inputs [N, inputs].

    Args:
        width, hidden: units of a hidden layer, and how many; its fully fused network for 16, 32, 64 or 128
            units, its CUTLASS network otherwise.
        activation, output_activation: by its names, for example "ReLU", "Sigmoid", "None".

    Raises:
        UserError: tiny-cuda-nn is missing.
        RuntimeError: on differentiating a second time; says what to take instead.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        width: int = 64,
        hidden: int = 2,
        activation: str = "ReLU",
        output_activation: str = "None",
    ) -> None:
        super().__init__()
        self.widths = [inputs, *[width] * hidden, outputs]
        config = {
            "otype": "FullyFusedMLP" if width in _FUSED_WIDTHS else "CutlassMLP",
            "activation": activation,
            "output_activation": output_activation,
            "n_neurons": width,
            "n_hidden_layers": hidden,
        }
        self.network = require_tcnn().Network(inputs, outputs, config)
        counts = {a: sum(r * c for r, c in _padded_shapes(self.widths, a)) for a in _ALIGNMENTS}
        self.alignment = next((a for a in _ALIGNMENTS if counts[a] == len(self.network.params)), 0)
        if not self.alignment:
            found = len(self.network.params)
            raise RuntimeError(f"tiny-cuda-nn's network has {found} parameters, known layouts {counts}")

    def forward(self, inputs: Tensor) -> Tensor:
        """Outputs of inputs on the GPU."""
        return self.network(_Once.apply(inputs)).float()

    def weights(self) -> list[Tensor]:
        """Its layers, [outputs, inputs]."""
        return network_from_tcnn(self.network.params, self.widths, self.alignment)[0]

    @torch.no_grad()
    def set_weights(self, weights: Sequence[Tensor]) -> None:
        """Take these layers, [outputs, inputs]."""
        shapes = [(o, i) for i, o in pairwise(self.widths)]
        if [tuple(w.shape) for w in weights] != shapes:
            raise ValueError(f"weights: must be {shapes}, got {[tuple(w.shape) for w in weights]}")
        self.network.params.copy_(network_to_tcnn(weights, self.alignment))


class _Once(torch.autograd.Function):
    """The inputs; their gradient refuses to be differentiated again."""

    @staticmethod
    def forward(ctx: Any, inputs: Tensor) -> Tensor:  # type: ignore[override]
        return inputs.view_as(inputs)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:  # type: ignore[override]
        return once(gradient, WHY_ONCE)


def _check(layout: GridLayout) -> None:
    if layout.simplex:
        raise ValueError("tiny-cuda-nn has no grids of simplices, give a GridLayout")


def _padded_shapes(widths: Sequence[int], alignment: int) -> list[tuple[int, int]]:
    return [(_rounded(o, alignment), _rounded(i, alignment)) for i, o in pairwise(widths)]


def _rounded(width: int, alignment: int) -> int:
    return (width + alignment - 1) // alignment * alignment
