"""Colour by a tiny network a cell, beside the distances of `KiloSDF`."""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor, nn

from neurfield.encodings import spherical_harmonics
from neurfield.errors import UserError
from neurfield.fields.cells import CellNetworks, Cells
from neurfield.fields.kilo import WHY_NOT
from neurfield.moment import Moment
from neurfield.ops import native
from neurfield.ops.cells import local_columns
from neurfield.parts import Number


class KiloColor(nn.Module):
    """RGB in 0..1 from place, field feature, unit normal and view, by the network of the point's cell.

    Attributes:
        cells: of the grid, those of the field.
        networks: of the cells.

    Args:
        seed: of the networks' numbers.
        features: of the field, that the networks see.
        octaves: of sines and cosines of the place in the cell: detail that distances have no use for.
        hidden: units of the hidden layer.
        view_degree: spherical harmonics bands of the view direction.
        softplus_beta: sharpness of the networks' activation.
    """

    def __init__(
        self,
        seed: int = 0,
        *,
        features: Annotated[int, Number(least=0)] = 15,
        octaves: Annotated[int, Number(least=1, most=10)] = 6,
        hidden: Annotated[int, Number(least=1)] = 32,
        view_degree: Annotated[int, Number(least=1, most=4)] = 3,
        softplus_beta: Annotated[float, Number(above=0.0)] = 20.0,
    ) -> None:
        super().__init__()
        self.seed, self.features, self.hidden, self.view_degree = seed, features, hidden, view_degree
        self.octaves, self.beta = octaves, softplus_beta
        self.cells = Cells()
        self.networks = self._made(0)

    def grow(self, cells: Cells) -> None:
        """Give each cell of a grid that asks for one a network, all alike."""
        self.cells, self.networks = cells, self._made(cells.networks)

    def _made(self, count: int) -> CellNetworks:
        sizes = [3 + 6 * self.octaves + self.features + 3 + self.view_degree**2, self.hidden, 3]
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
        place = local_columns(binned.local, self.octaves)
        columns = torch.cat([place, feature[rows, : self.features], normal[rows], seen], dim=1)
        colors = self.local(columns, binned.starts)
        return colors.new_zeros(len(points), 3).index_copy(0, rows, colors)

    def local(self, columns: Tensor, starts: Tensor) -> Tensor:
        """Colours [M, 3] of rows of columns, features, normals and views, sorted by network; these train."""
        return self.networks(columns, starts, "sigmoid")
