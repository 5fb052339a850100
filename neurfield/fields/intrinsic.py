"""A colour in two factors: what a surface reflects, whatever the light, and how much light falls on it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated

import torch
from torch import Tensor, nn

from neurfield.encodings import HashGrid, spherical_harmonics
from neurfield.fields.shaded import Shaded
from neurfield.moment import Moment
from neurfield.ops.fused_mlp import mlp
from neurfield.ops.grid import grid_encode
from neurfield.ops.grid_features import grid_features
from neurfield.parts import Number

Count = Annotated[int, Number(least=1)]
VIEW_DEGREE = 3


class Intrinsic(nn.Module):
    """RGB as reflectance times shading, rendered beside it as the channels "reflectance" and "shading".

    Reflectance is of the texture at the point and the field's feature; it knows neither picture, view nor
    normal. Shading is of the normal, the view and the picture's codes (`exposure: appearance`), and is one at
    first. After the intrinsic decomposition of 2L3 (arXiv 2401.15841), of which the abstract alone could be
    read.

    Args:
        seed: of the texture's numbers.
        feature_dim: numbers that are handed over: those of the field, and codes of a picture.
        codes: how many of them, the last ones, are of a picture.
        levels: of the texture's grid.
        features: numbers that a point has of each level.
        log2_table_size: of each level's table, at most.
        base_resolution: cells of the coarsest level along the longest side of the box.
        finest_resolution: cells of the finest level along the longest side of the box.
        hidden: units of the hidden layers of the network of the reflectance.
        shade: units of the hidden layer of the network of the shading.
    """

    channels = {"reflectance": 3, "shading": 1}  # noqa: RUF012

    def __init__(
        self,
        seed: int = 0,
        feature_dim: int = 15,
        codes: int = 0,
        *,
        levels: Count = 12,
        features: Count = 2,
        log2_table_size: Count = 18,
        base_resolution: Count = 16,
        finest_resolution: Count = 1024,
        hidden: Sequence[Count] = (64, 64),
        shade: Count = 32,
    ) -> None:
        super().__init__()
        self.encoding = HashGrid(
            levels=levels, features=features, log2_table_size=log2_table_size,
            base_resolution=base_resolution, finest_resolution=finest_resolution, seed=seed,
        )  # fmt: skip
        self.active_levels, self.feature_dim, self.codes = self.encoding.levels, feature_dim, codes
        sizes = [self.encoding.output_dim + feature_dim - codes, *hidden, 3]
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(sizes))
        last = nn.Linear(shade, 1)
        for parameter in last.parameters():
            nn.init.zeros_(parameter)
        self.shade = nn.Sequential(nn.Linear(3 + VIEW_DEGREE**2 + codes, shade), nn.ReLU(), last)

    def at(self, moment: Moment) -> None:
        """The same at every moment."""

    def encode_views(self, directions: Tensor) -> Tensor:
        """Spherical harmonics [R, V] of unit directions [R, 3]."""
        return spherical_harmonics(directions, VIEW_DEGREE)

    def parameter_groups(self) -> dict[str, list[nn.Parameter]]:
        """Its parameters by how they learn: "table" (sparse) and "network"."""
        return {
            "table": [self.encoding.table],
            "network": [*self.layers.parameters(), *self.shade.parameters()],
        }

    @property
    def path(self) -> str:
        """Which way queries go, for logs."""
        return "composed"

    def forward(
        self,
        points: Tensor,
        feature: Tensor,
        normal: Tensor,
        views: Tensor,
        rays: Tensor | None = None,
        counted: Tensor | None = None,
        points_gradient: bool = False,
    ) -> Shaded:
        """Colours [N, 3], and both factors, as `Color`."""
        rows = slice(None) if counted is None else counted
        seen = rows if rays is None else rays[rows]
        encode = grid_encode if points_gradient else grid_features
        texture = encode(
            points[rows] * 0.5 + 0.5, self.encoding.table, self.encoding.layout,
            interpolation=self.encoding.interpolation, active_levels=self.active_levels,
        )  # fmt: skip
        feature = nn.functional.pad(feature[rows], (0, self.feature_dim - feature.shape[1]))
        own = self.feature_dim - self.codes
        layers = [layer for layer in self.layers if isinstance(layer, nn.Linear)]
        reflectance = mlp(
            torch.cat([texture, feature[:, :own]], dim=1), [one.weight for one in layers],
            [one.bias for one in layers], "relu", output_activation="sigmoid",
        )  # fmt: skip
        shading = self.shade(torch.cat([normal[rows], views[seen], feature[:, own:]], dim=1)).exp()
        both = torch.cat([reflectance, shading], dim=1)
        if counted is not None:
            both = both.new_zeros(len(points), 4).index_copy(0, counted, both)
        reflectance, shading = both[:, :3], both[:, 3:]
        return Shaded(reflectance * shading, {"reflectance": reflectance, "shading": shading})
