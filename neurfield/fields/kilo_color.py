"""Colour by a tiny network a cell, beside the distances of `KiloSDF`, over a texture that all cells share."""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor, nn

from neurfield.encodings import HashGrid, spherical_harmonics
from neurfield.errors import UserError
from neurfield.fields.cells import CellNetworks, Cells
from neurfield.fields.kilo import WHY_NOT
from neurfield.moment import Moment
from neurfield.ops import native
from neurfield.ops.cells import local_columns
from neurfield.parts import Number


class KiloColor(nn.Module):
    """RGB in 0..1 from place, field feature, unit normal and view, by the network of the point's cell.

    A picture has more detail than a tiny network holds: it is told what a hash grid over the whole box
    (Müller et al. 2022) has at the place, too, which ends at no cell's face.

    Attributes:
        cells: of the grid, those of the field.
        networks: of the cells.
        texture: over the box, [-1, 1]^3; None: there is none.

    Args:
        seed: of the networks' numbers.
        features: of the field, that the networks see.
        octaves: of sines and cosines of the place in the cell: detail that distances have no use for.
        hidden: units of the hidden layer.
        view_degree: spherical harmonics bands of the view direction.
        softplus_beta: sharpness of the networks' activation.
        levels: of the texture; 0: none.
        log2_table_size: of a level of it at most.
        finest_resolution: of its last level, along the box.
    """

    def __init__(
        self,
        seed: int = 0,
        *,
        features: Annotated[int, Number(least=0)] = 15,
        octaves: Annotated[int, Number(least=0, most=10)] = 6,
        hidden: Annotated[int, Number(least=1)] = 32,
        view_degree: Annotated[int, Number(least=1, most=4)] = 3,
        softplus_beta: Annotated[float, Number(above=0.0)] = 20.0,
        levels: Annotated[int, Number(least=0, most=16)] = 0,
        log2_table_size: Annotated[int, Number(least=8, most=24)] = 17,
        finest_resolution: Annotated[int, Number(least=16)] = 1024,
    ) -> None:
        super().__init__()
        self.seed, self.features, self.hidden, self.view_degree = seed, features, hidden, view_degree
        self.octaves, self.beta = octaves, softplus_beta
        self.levels, self.log2_table_size, self.finest_resolution = levels, log2_table_size, finest_resolution
        self.texture = None
        if levels:
            self.texture = HashGrid(
                levels, log2_table_size=log2_table_size, finest_resolution=finest_resolution, seed=seed
            )
        self.cells = Cells()
        self.networks = self._made(0)

    def grow(self, cells: Cells) -> None:
        """Give each cell of a grid that asks for one a network, all alike."""
        self.cells, self.networks = cells, self._made(cells.networks)

    def _made(self, count: int) -> CellNetworks:
        told = 0 if self.texture is None else self.texture.output_dim
        sizes = [3 + 6 * self.octaves + told + self.features + 3 + self.view_degree**2, self.hidden, 3]
        return CellNetworks(count, sizes, self.beta, self.seed + 1)

    def at(self, moment: Moment) -> None:
        """Nothing changes over a fit."""
        return

    def encode_views(self, directions: Tensor) -> Tensor:
        """Spherical harmonics [R, degree^2] of unit directions [R, 3], world axes, into the scene."""
        return spherical_harmonics(directions, self.view_degree)

    def parameter_groups(self) -> dict[str, list[nn.Parameter]]:
        """What a fit would want.

        Raises:
            UserError: always, as no fit teaches them.
        """
        raise UserError(WHY_NOT)

    @property
    def path(self) -> str:
        """Which way queries go, for logs."""
        return f"cells {native.name_of(*self.parameters())}"

    def forward(
        self,
        points: Tensor,
        feature: Tensor,
        normal: Tensor,
        views: Tensor,
        rays: Tensor | None = None,
        counted: Tensor | None = None,
    ) -> Tensor:
        """Colours [N, 3] in 0..1; black in cells without a network. Arguments as of `fields.Color`.

        Codes of a picture are left aside: the colour is that of none.
        """
        chosen = torch.arange(len(points), device=points.device) if counted is None else counted
        binned = self.cells.binned(self.cells.inside(points[chosen]))
        rows = chosen[binned.rows]
        seen = views[rows] if rays is None else views[rays[rows]]
        place = self.places(binned.local, points[rows])
        columns = torch.cat([place, feature[rows, : self.features], normal[rows], seen], dim=1)
        colors = self.local(columns, binned.starts)
        return colors.new_zeros(len(points), 3).index_copy(0, rows, colors)

    def places(self, local: Tensor, points: Tensor) -> Tensor:
        """What networks are told of places, [N, 3] in their cells, [-1, 1]^3, and [N, 3] unit coordinates."""
        columns = local_columns(local, self.octaves)
        if self.texture is None:
            return columns
        return torch.cat([columns, self.texture((0.5 * points + 0.5).clamp(0.0, 1.0))], dim=1)

    def local(self, columns: Tensor, starts: Tensor) -> Tensor:
        """Colours [M, 3] of rows of places, features, normals and views, sorted by network; these train."""
        return self.networks(columns, starts, "sigmoid")
