"""Colour seen at a surface point.

A hash grid of its own holds the texture, and a tiny network adds normal and view.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn

from neurfield.encodings import HashGrid, spherical_harmonics
from neurfield.moment import END, Moment
from neurfield.ops.points import check_device
from neurfield.ops.radiance_query import radiance_query
from neurfield.ops.sdf_query import path

VIEW_FADE = 0.2  # share of the steps over which the view comes to count fully


class Radiance(nn.Module):
    """RGB in 0..1 from texture at the point, SDF feature, unit normal and view direction.

    After IDR (Yariv et al. 2020). The texture has a table of its own: shared with the SDF, the strong
    and constant pull of the geometric losses drowns it.

    Args:
        encoding: of the texture; None for a hash grid.
        feature_dim: numbers that are handed over, F: those of the SDF, and codes of a picture.
        hidden: units of the hidden layers (ReLU).
        view_degree: spherical harmonics bands of the view direction, 1 to 4.
        precision: of the network's derivatives, "float32", "bfloat16" or "float16"; see `ops.fused_mlp`.
        view_from: share of the steps of a fit before which colour does not depend on the view (`at`), so that
            it cannot paint onto a false surface what each view sees behind it; 1: it never does.
        outputs: of the network; other than 3 for subclasses that make more of them than colours.

    Raises:
        ValueError: the encoding is not of our own kernels.
    """

    def __init__(
        self,
        encoding: HashGrid | None = None,
        feature_dim: int = 15,
        hidden: tuple[int, ...] = (64, 64),
        view_degree: int = 3,
        precision: str = "float32",
        view_from: float = 0.0,
        outputs: int = 3,
    ) -> None:
        super().__init__()
        self.encoding = (
            encoding
            if encoding is not None
            else HashGrid(levels=12, log2_table_size=18, finest_resolution=1024)
        )
        if not self.encoding.fuses:
            raise ValueError(f"Radiance: encoding must be of our own kernels, got {self.encoding.backend!r}")
        self.active_levels = self.encoding.levels
        self.view_degree, self.feature_dim = view_degree, feature_dim
        self.precision = precision
        sizes = [self.encoding.output_dim + feature_dim + 3 + view_degree**2, *hidden, outputs]
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(sizes))
        self.view_from = view_from
        if view_from > 0.0:  # silent until it counts, so that pictures before do not depend on it either
            with torch.no_grad():
                self._linears()[0].weight[:, 1 - view_degree**2 + sizes[0] :] = 0.0
        self.at(END)

    def at(self, moment: Moment) -> None:
        """Let the view count as much as at a moment of a fit: not before `view_from`, then more and more."""
        since = moment.progress - self.view_from
        fade = min(VIEW_FADE, 1.0 - self.view_from)
        self.view_share = 1.0 if self.view_from <= 0.0 else max(0.0, min(1.0, since / fade if fade else 0.0))

    def encode_views(self, directions: Tensor) -> Tensor:
        """Spherical harmonics [R, degree^2] of view directions.

        Args:
            directions: [R, 3] unit, world axes, from the camera into the scene.
        """
        views = spherical_harmonics(directions, self.view_degree)
        if self.view_share == 1.0:
            return views
        return torch.cat([views[:, :1], self.view_share * views[:, 1:]], dim=1)  # the first is a constant

    def parameter_groups(self) -> dict[str, list[nn.Parameter]]:
        """Its parameters by how they learn: "table" (sparse) and "network"."""
        return {"table": [self.encoding.table], "network": list(self.layers.parameters())}

    @property
    def path(self) -> str:
        """Which way queries go, for logs: "fused avx512", "composed torch"."""
        return path(self.encoding.table)

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
        """Colours [N, 3] in 0..1.

        Args:
            points: [N, 3], unit coordinates.
            feature: [N, F] of the SDF and of a picture; what it lacks of the latter is zero.
            normal: [N, 3] unit.
            views: encoded, [N, degree^2], or [R, degree^2] of rays.
            rays: [N] int64, each sample's ray, where views are of rays.
            counted: [M] int64, the samples to ask for; the others are black. None: all.
            points_gradient: whether colours are differentiable in the points too, as for refining poses;
                slower.
        """
        samples = points, feature, normal, views
        return self._asked(radiance_query, *samples, rays, counted, points_gradient)

    def _asked(
        self,
        query: Callable[..., Tensor],
        points: Tensor,
        feature: Tensor,
        normal: Tensor,
        views: Tensor,
        rays: Tensor | None,
        counted: Tensor | None,
        points_gradient: bool,
    ) -> Tensor:
        """What `radiance_query`, or `shading_query`, says of this texture and network."""
        check_device(type(self).__name__, points, self.encoding.table)
        if feature.shape[1] < self.feature_dim:
            feature = nn.functional.pad(feature, (0, self.feature_dim - feature.shape[1]))
        return query(
            points,
            self.encoding.table,
            *self._network(),
            self.encoding.layout,
            feature,
            normal,
            views,
            rays=rays,
            counted=counted,
            interpolation=self.encoding.interpolation,
            active_levels=self.active_levels,
            precision=self.precision,
            points_gradient=points_gradient,
        )

    def _network(self) -> tuple[list[Tensor], list[Tensor]]:
        """Weights and biases of the layers."""
        layers = self._linears()
        return [layer.weight for layer in layers], [layer.bias for layer in layers]

    def _linears(self) -> list[nn.Linear]:
        return [cast(nn.Linear, layer) for layer in self.layers]
