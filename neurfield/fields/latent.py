"""Colour that is decoded after it is rendered: what samples hand on is not yet a colour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Annotated, Literal

import torch
from torch import Tensor, nn

from neurfield.encodings import HashGrid
from neurfield.fields.radiance import Radiance
from neurfield.fields.shaded import Shaded
from neurfield.ops.radiance_query import shading_query
from neurfield.parts import Number

Count = Annotated[int, Number(least=1)]
LINEAR = "linear"  # the channel: what the decoder's linear layer makes of the latent numbers
LEAST_OPACITY = 1e-4  # by which what is rendered is divided


class LatentRadiance(Radiance):
    """Latent numbers of samples, rendered, and then decoded to the pixel's colour (Occ-SDF, Lyu et al. 2023).

    The decoder is 0.5 tanh(W f + b) + 0.5. It decodes what the samples of a ray render to (`of_pixels` of
    `Shaded`), and each sample's own f (its rgb, whose rendering is the channel "direct"). Rendering is
    linear, and so is W f + b: to render f [K] and then apply W is to render W f + b, 3 numbers, which is what
    is done, and the network's last layer and W are one layer when it is asked. Else as `Radiance`.

    Args:
        seed: of the texture's numbers.
        feature_dim: numbers that are handed over: those of the field, and codes of a picture.
        levels: of the texture's grid.
        features: numbers that a point has of each level.
        log2_table_size: of each level's table, at most.
        base_resolution: cells of the coarsest level along the longest side of the box.
        finest_resolution: cells of the finest level along the longest side of the box.
        hidden: units of the network's hidden layers.
        latent: K. It costs nothing.
        view_degree: spherical harmonics bands of the view direction.
        precision: of the network's derivatives, where it can be had.
        view_from: share of the steps before which colour does not depend on the view, as of `radiance`.
    """

    channels: Mapping[str, int] = MappingProxyType({LINEAR: 3, "direct": 3})

    def __init__(
        self,
        seed: int = 0,
        feature_dim: int = 15,
        *,
        levels: Count = 12,
        features: Count = 2,
        log2_table_size: Count = 18,
        base_resolution: Count = 16,
        finest_resolution: Count = 1024,
        hidden: Sequence[int] = (64, 64),
        latent: Count = 256,
        view_degree: Annotated[int, Number(least=1, most=4)] = 3,
        precision: Literal["float32", "bfloat16", "float16"] = "float32",
        view_from: Annotated[float, Number(least=0.0, most=1.0)] = 0.0,
    ) -> None:
        texture = HashGrid(
            levels=levels, features=features, log2_table_size=log2_table_size,
            base_resolution=base_resolution, finest_resolution=finest_resolution, seed=seed,
        )  # fmt: skip
        super().__init__(
            texture, feature_dim, tuple(hidden), view_degree, precision, view_from, outputs=latent
        )
        self.decoder = nn.Linear(latent, 3)

    def parameter_groups(self) -> dict[str, list[nn.Parameter]]:
        """As of `Radiance`; the decoder is part of the network."""
        groups = super().parameter_groups()
        return {**groups, "network": [*groups["network"], *self.decoder.parameters()]}

    def forward(  # type: ignore[override]
        self,
        points: Tensor,
        feature: Tensor,
        normal: Tensor,
        views: Tensor,
        rays: Tensor | None = None,
        counted: Tensor | None = None,
        points_gradient: bool = False,
    ) -> Shaded:
        """Colours [N, 3], and what pixels are decoded of; arguments as of `Radiance`."""
        samples = points, feature, normal, views
        linear = self._asked(shading_query, *samples, rays, counted, points_gradient)
        rgb = _squashed(linear)
        if counted is not None:
            none = torch.zeros_like(points)
            rgb, linear = (none.index_copy(0, counted, one) for one in (rgb, linear))
        return Shaded(rgb, {LINEAR: linear}, _of_pixels)

    def _network(self) -> tuple[list[Tensor], list[Tensor]]:
        """Weights and biases, of the last layer and the decoder those of their product."""
        *weights, last = super()._network()[0]
        *biases, bias = super()._network()[1]
        decoder = self.decoder
        return (
            [*weights, decoder.weight @ last],
            [*biases, torch.addmv(decoder.bias, decoder.weight, bias)],
        )


def _squashed(linear: Tensor) -> Tensor:
    """Colours [N, 3] in 0..1 of what the decoder's linear layer gives [N, 3]."""
    return 0.5 * torch.tanh(linear) + 0.5


def _of_pixels(channels: Mapping[str, Tensor], opacity: Tensor) -> Tensor:
    """Colours times opacity [R, 3] of what the samples of rays render to.

    What a ray that is not opaque renders is divided by its opacity [R] first: the decoder is given the mean
    of its samples' numbers.
    """
    return opacity[:, None] * _squashed(channels[LINEAR] / opacity.clamp_min(LEAST_OPACITY)[:, None])
