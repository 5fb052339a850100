"""The values of a picture at points of its plane: any encoding, and a tiny network."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from neurfield.encodings import Encoding, RadialBasis
from neurfield.encodings.grid_encoding import GridEncoding
from neurfield.fields.trained import encoding_in_words, fitted_features, one_line
from neurfield.moment import Moment
from neurfield.ops.fused_mlp import mlp
from neurfield.ops.points import check_device


class ImageSample(NamedTuple):
    """What a picture's field knows of N points.

    Attributes:
        value: [N, C].
        gradient: none.
    """

    value: Tensor
    gradient: None = None


class ImageField(nn.Module):
    """Channels [N, C], meant for 0..1 but not held to it, at points [N, 2] of the encoding's domain.

    Args:
        encoding: any, of the plane.
        channels: of the picture.
        hidden: units of the hidden layers (ReLU), at least one.
        sine: (lowest, highest): the first layer's activation is h + sin(w h) instead, w log-spaced between
            them over its units (NeuRBF, Chen et al. 2023, Sec. 3.3).

    Raises:
        ValueError: no hidden layer, or frequencies that are not positive.
    """

    def __init__(
        self,
        encoding: Encoding,
        channels: int,
        hidden: tuple[int, ...] = (64, 64),
        sine: tuple[float, float] | None = None,
    ) -> None:
        super().__init__()
        if not hidden:
            raise ValueError("ImageField: hidden must name at least one layer, got ()")
        if sine is not None and min(sine) <= 0:
            raise ValueError(f"ImageField: sine must be two positive frequencies, got {sine}")
        self.encoding = encoding
        sizes = [encoding.output_dim, *hidden, channels]
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(sizes))
        self._start()
        self.frequencies: Tensor | None
        spaced = None if sine is None else torch.logspace(math.log10(sine[0]), math.log10(sine[1]), hidden[0])
        self.register_buffer("frequencies", spaced)

    @torch.no_grad()
    def _start(self) -> None:
        """Weights as He et al. (2015) draw them, biases zero, but for a middle grey at the end.

        Features begin near zero, where a negative bias would keep a unit shut for every point: torch's usual
        start cost 6 dB after 150 steps.
        """
        layers = [cast(nn.Linear, layer) for layer in self.layers]
        for layer in layers:
            last = layer is layers[-1]
            nn.init.kaiming_uniform_(layer.weight, nonlinearity="linear" if last else "relu")
            layer.bias.fill_(0.5 if last else 0.0)

    def forward(self, points: Tensor, active_levels: int | None = None) -> Tensor:
        """Values [N, C] at points [N, 2], differentiable as the encoding is, the network once."""
        return self._decode(self.encoding(points, active_levels))

    def fitted(self, points: Tensor, active_levels: int | None = None) -> Tensor:
        """The same values for a training loop: differentiable by the parameters only.

        Where a table's `.grad` exists, its gradient is added into it in place.
        """
        check_device("ImageField", points, cast(nn.Linear, self.layers[0]).weight)
        return self._decode(fitted_features(self.encoding, points, active_levels))

    def __repr__(self) -> str:
        """One line: encoding, hidden layers, channels, parameters."""
        *hidden, last = (cast(nn.Linear, layer).out_features for layer in self.layers)
        words = [encoding_in_words(self.encoding), f"hidden {hidden}", f"{last} channels"]
        return one_line(self, *words)

    def query(self, points: Tensor, gradient: bool = False) -> ImageSample:
        """`fitted`, as the answer that a step's losses look at; there is no gradient by the points."""
        return ImageSample(self.fitted(points))

    def at(self, moment: Moment) -> None:
        """All levels take part at every moment of a fit."""

    def parameter_groups(self) -> dict[str, list[nn.Parameter]]:
        """Its parameters by how they learn: "table", "kernels" and "network".

        "kernels" is whatever else the encoding learns; these and the tables are sparse.
        """
        parameters = list(self.encoding.named_parameters())
        others = [p for name, p in parameters if name.split(".")[-1] != "table" and p.requires_grad]
        return {
            "table": [p for name, p in parameters if name.split(".")[-1] == "table"],
            "kernels": others, "network": list(self.layers.parameters()),
        }  # fmt: skip

    @property
    def capturable(self) -> bool:
        """Whether queries can be recorded on a GPU: no part asks the host for something.

        Radial kernels that learn and grids of other libraries do.
        """
        return all(_capturable(part) for part in self.encoding.modules())

    def _decode(self, features: Tensor) -> Tensor:
        layers = [cast(nn.Linear, layer) for layer in self.layers]
        if self.frequencies is not None:
            mixed = functional.linear(features, layers[0].weight, layers[0].bias)
            features, layers = mixed + torch.sin(self.frequencies * mixed), layers[1:]
        if len(layers) == 1:  # the fused network has a hidden layer at least
            return functional.linear(features, layers[0].weight, layers[0].bias)
        return mlp(features, [layer.weight for layer in layers], [layer.bias for layer in layers])


def _capturable(part: nn.Module) -> bool:
    if isinstance(part, GridEncoding):
        return part.fuses
    return not isinstance(part, RadialBasis) or part.on_device
