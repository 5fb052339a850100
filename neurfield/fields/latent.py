"""Colour that is decoded after it is rendered: what samples hand on is not yet a colour."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import torch
from torch import Tensor, nn

from neurfield.encodings import HashGrid
from neurfield.fields.radiance import Radiance
from neurfield.fields.shaded import Shaded
from neurfield.ops.radiance_query import shading_query

LINEAR = "linear"  # the channel: what the decoder's linear layer makes of the latent numbers
LEAST_OPACITY = 1e-4  # by which what is rendered is divided


class LatentRadiance(Radiance):
    """Latent numbers of samples, rendered, and then decoded to the pixel's colour (Occ-SDF, Lyu et al. 2023).

    The decoder is 0.5 tanh(W f + b) + 0.5. It decodes what the samples of a ray render to (`of_pixels` of
    `Shaded`), and each sample's own f (its rgb, whose rendering is the channel "direct"). Rendering is
    linear, and so is W f + b: to render f [K] and then apply W is to render W f + b, 3 numbers, which is what
    is done, and the network's last layer and W are one layer when it is asked. Else as `Radiance`.

    Args:
        encoding: of the texture; None for a hash grid.
        feature_dim: numbers that are handed over, those of the SDF, and codes of a picture.
        hidden: units of the hidden layers (ReLU).
        view_degree: spherical harmonics bands of the view direction, 1 to 4.
        precision: of the network's derivatives; see `ops.fused_mlp`.
        view_from: as of `Radiance`.
        latent: K.
    """

    channels: Mapping[str, int] = MappingProxyType({LINEAR: 3, "direct": 3})

    def __init__(
        self,
        encoding: HashGrid | None = None,
        feature_dim: int = 15,
        hidden: tuple[int, ...] = (64, 64),
        view_degree: int = 3,
        precision: str = "float32",
        view_from: float = 0.0,
        latent: int = 256,
    ) -> None:
        super().__init__(encoding, feature_dim, hidden, view_degree, precision, view_from, outputs=latent)
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
