"""What tiny-cuda-nn's torch bindings look like from outside, computed in plain torch on the CPU.

Encoding and Network are called, laid out and padded as the real ones; a network's inputs are filled up with
ones.
"""

from __future__ import annotations

from itertools import pairwise
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from neurfield.ops.grid_layout import GridLayout
from neurfield.ops.reference import grid as reference


def rounded(width: int, alignment: int) -> int:
    return -(-width // alignment) * alignment


class Encoding(nn.Module):
    def __init__(
        self, n_input_dims: int, encoding_config: dict[str, Any], seed: int = 1337, dtype: Any = None
    ) -> None:
        super().__init__()
        config = dict(encoding_config)
        assert config.pop("otype") == "HashGrid"
        self.interpolation = config.pop("interpolation").lower()
        self.layout = GridLayout(
            config.pop("n_levels"), config.pop("n_features_per_level"), config.pop("log2_hashmap_size"),
            config.pop("base_resolution"), config.pop("per_level_scale"), n_input_dims,
        )  # fmt: skip
        assert not config, f"unknown keys {config}"
        self.dtype = torch.float16 if dtype is None else dtype
        self.params = nn.Parameter(torch.zeros(self.layout.n_parameters))

    def forward(self, x: Tensor) -> Tensor:
        return reference.encode(x, self.params, self.layout, self.interpolation).to(self.dtype)


class Network(nn.Module):
    def __init__(
        self, n_input_dims: int, n_output_dims: int, network_config: dict[str, Any], seed: int = 1337
    ) -> None:
        super().__init__()
        self.config = network_config
        width, hidden = network_config["n_neurons"], network_config["n_hidden_layers"]
        fused = network_config["otype"] == "FullyFusedMLP"
        assert not fused or width in (16, 32, 64, 128)
        ends = [rounded(n, 16 if fused else 8) for n in (n_input_dims, n_output_dims)]
        padded = [ends[0], *[width] * hidden, ends[1]]
        self.shapes = [(o, i) for i, o in pairwise(padded)]
        self.outputs = n_output_dims
        count = sum(o * i for o, i in self.shapes)
        self.params = nn.Parameter(torch.randn(count, generator=torch.Generator().manual_seed(seed)) * 0.3)

    def forward(self, x: Tensor) -> Tensor:
        layers = [p.view(s) for p, s in zip(self.params.split([o * i for o, i in self.shapes]), self.shapes)]
        x = torch.nn.functional.pad(x, (0, self.shapes[0][1] - x.shape[1]), value=1.0)
        for i, layer in enumerate(layers):
            x = x @ layer.T
            x = torch.relu(x) if i + 1 < len(layers) else x
        return x[:, : self.outputs].half()


def module() -> ModuleType:
    """To be put into sys.modules as tinycudann."""
    fake = ModuleType("tinycudann")
    fake.Encoding, fake.Network = Encoding, Network  # type: ignore[attr-defined]
    return fake
