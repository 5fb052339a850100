"""The colour of IDR and MonoSDF: a network of place, view, normal and feature, with no texture of its own."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated

import torch
from torch import Tensor, nn

from neurfield.encodings import Frequency
from neurfield.moment import Moment
from neurfield.ops.fused_mlp import mlp
from neurfield.parts import Number

Count = Annotated[int, Number(least=1)]


class Idr(nn.Module):
    """RGB in 0..1 from the point, the view's frequencies, the normal and the field's feature.

    As in IDR (Yariv et al. 2020) and MonoSDF (Yu et al. 2022), but that they normalise the weights of each
    layer, and hand over the slope where this gives its direction.

    Args:
        feature_dim: numbers that are handed over: those of the field, and codes of a picture.
        hidden: units of the network's hidden layers.
        octaves: of the view direction's sines and cosines.
    """

    def __init__(
        self,
        feature_dim: int = 256,
        *,
        hidden: Sequence[Count] = (256, 256),
        octaves: Count = 4,
    ) -> None:
        super().__init__()
        self.feature_dim, self.waves = feature_dim, Frequency(3, octaves)
        sizes = [3 + (3 + self.waves.output_dim) + 3 + feature_dim, *hidden, 3]
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(sizes))

    def at(self, moment: Moment) -> None:
        """The same at every moment."""

    def encode_views(self, directions: Tensor) -> Tensor:
        """Unit directions [R, 3] and their sines and cosines, [R, V]."""
        return torch.cat([directions, self.waves(directions)], dim=1)

    def parameter_groups(self) -> dict[str, list[nn.Parameter]]:
        """Its parameters by how they learn: "network"."""
        return {"network": list(self.layers.parameters())}

    @property
    def path(self) -> str:
        """Which way queries go, for logs."""
        return "network"

    def forward(
        self,
        points: Tensor,
        feature: Tensor,
        normal: Tensor,
        views: Tensor,
        rays: Tensor | None = None,
        counted: Tensor | None = None,
        points_gradient: bool = False,
    ) -> Tensor:
        """Colours [N, 3] in 0..1, as `Color`; `points_gradient` asks for nothing more here."""
        rows = slice(None) if counted is None else counted
        seen = rows if rays is None else rays[rows]
        feature = nn.functional.pad(feature[rows], (0, self.feature_dim - feature.shape[1]))
        inputs = torch.cat([points[rows], views[seen], normal[rows], feature], dim=1)
        layers = [layer for layer in self.layers if isinstance(layer, nn.Linear)]
        rgb = mlp(
            inputs, [one.weight for one in layers], [one.bias for one in layers], "relu",
            output_activation="sigmoid",
        )  # fmt: skip
        return rgb if counted is None else torch.zeros_like(points).index_copy(0, counted, rgb)
