"""Signed distances by thousands of tiny networks, one a cell of a grid, which learn from a fitted field.

After KiloNeRF (Reiser et al. 2021) and KiloNeuS (Esposito et al. 2022). What the latter does beyond its
abstract is not known here; losses on faces between cells are ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import torch
from torch import Tensor, nn

from neurfield.encodings.closed_forms import Frequency
from neurfield.errors import UserError
from neurfield.fields.cells import CellNetworks, Cells, Sized
from neurfield.fields.sdf import FieldSample
from neurfield.fields.trained import one_line, trained_values
from neurfield.moment import Moment
from neurfield.ops import native
from neurfield.ops.cell_networks import cell_query, cell_trace
from neurfield.ops.cell_shells import CellShells, cell_shells
from neurfield.ops.cells import MATTER, local_columns, pulled
from neurfield.ops.eager import eager
from neurfield.ops.points import flat_points
from neurfield.parts import Number

SHRUNK = 0.8  # what an empty cell promises of the distance between its corners: chords overshoot
FINENESS = 2  # values of the lattice along a cell's edge
WHY_NOT = (
    "tiny networks (field kilo) learn from a fitted field alone: fit another field, then type "
    "`neurfield distill RUN`"
)


class KiloSDF(Sized):
    """SDF and a feature for each point of the unit coordinates, by the network of the point's cell.

    A network sees where in its cell the point is, with sines and cosines; its distance is in halves of an
    edge, so all see lengths alike. Cells far from the surface have none: there the distance is that of a
    coarse lattice, shrunk. Points outside of the grid are answered as the nearest place in it. A new field
    has no networks; `neurfield.fitting.distill` makes them, or a state brings them.

    Attributes:
        cells: of the grid.
        networks: of the cells: 3 + 6 octaves inputs, hidden, 1 + F outputs.
        lattice: [2 X + 1, 2 Y + 1, 2 Z + 1] distances at corners, and halfway between, unit lengths.
        steepness: [K], the steepest that each network was seen.

    Args:
        seed: of the networks' numbers.
        octaves: of the sines and cosines.
        hidden: units of the hidden layers.
        feature_dim: numbers handed to the colour, F.
        softplus_beta: sharpness of the networks' activation.
    """

    sign = "signed"
    lattice: Tensor
    steepness: Tensor

    def __init__(
        self,
        seed: int = 0,
        *,
        octaves: Annotated[int, Number(least=1, most=10)] = 5,
        hidden: Sequence[Annotated[int, Number(least=1)]] = (32, 32),
        feature_dim: Annotated[int, Number(least=0)] = 15,
        softplus_beta: Annotated[float, Number(above=0.0)] = 20.0,
    ) -> None:
        super().__init__()
        self.octaves, self.feature_dim, self.beta, self.seed = octaves, feature_dim, softplus_beta, seed
        self.hidden, self.heads, self.radius = tuple(hidden), dict[str, int](), 0.0
        self.encoding = Frequency(
            3, octaves
        )  # of the place in a cell; for who asks how many levels there are
        self.active_levels = self.encoding.levels
        self.cells = Cells()
        self.networks = self.made(0)
        self._shells: tuple[list[tuple[Tensor, int]], CellShells] | None = None
        self.register_buffer("lattice", torch.ones(3, 3, 3))
        self.register_buffer("steepness", torch.ones(0))

    def grow(self, cells: Cells, lattice: Tensor) -> None:
        """Give each cell of a grid that asks for one a network, all alike.

        Args:
            cells: the grid.
            lattice: distances, as the attribute.
        """
        self.cells, self.networks = cells, self.made(cells.networks)
        self.lattice, self.steepness = lattice, torch.ones(cells.networks)

    def made(self, count: int) -> CellNetworks:
        """So many networks, all alike."""
        sizes = [3 + 6 * self.octaves, *self.hidden, 1 + self.feature_dim]
        return CellNetworks(count, sizes, self.beta, self.seed)

    @eager
    def forward(self, points: Tensor) -> Tensor:
        """Distances [...] at points [..., 3]; differentiable by parameters, and once by points that ask."""
        flat = self._flat("forward", points)

        def values(points: Tensor) -> Tensor:
            return self._asked(points, False)[0][:, 0]

        def slopes(points: Tensor) -> Tensor:
            slope = self._asked(points.detach(), True)[1]
            assert slope is not None
            return slope

        return trained_values(flat, values, slopes).reshape(points.shape[:-1])

    @eager
    def query(
        self,
        points: Tensor,
        gradient: bool = False,
        row: Tensor | None = None,
        points_gradient: bool = False,
    ) -> FieldSample:
        """Distance, gradient and feature at points [..., 3]; differentiable once by the parameters.

        Raises:
            ValueError: `row` or `points_gradient`, of which this field knows nothing; a point is not as
                it must be.
        """
        if row is not None or points_gradient:
            raise ValueError(
                "KiloSDF.query: no heads ('row') and no derivatives by points ('points_gradient')"
            )
        outputs, slope = self._asked(self._flat("query", points), gradient)
        sample = FieldSample(outputs[:, 0], slope, outputs[:, 1:])
        return sample if points.ndim == 2 else sample.batched(points.shape[:-1])

    def sdf(self, points: Tensor) -> Tensor:
        """Distances [...] at points [..., 3]; without derivatives."""
        with torch.no_grad():
            return self(points)

    def first_along(self, origins: Tensor, directions: Tensor, t_min: Tensor, t_max: Tensor) -> Tensor:
        """Where rays first pass through the surface, from either side: t [R] unit lengths, inf where nowhere.

        Arguments, and what may be missed, as of `neurfield.ops.cell_trace`, unit coordinates.
        """
        cells, networks = self.cells, self.networks
        return cell_trace(
            origins, directions, t_min, t_max, cells.table, cells.low, cells.edge, self.octaves,
            networks.weights, networks.biases, self.steepness, "softplus", self.beta, self._known(),
        )  # fmt: skip

    def _known(self) -> CellShells | None:
        """What is known of the networks without asking them, made anew where they have changed."""
        parameters = [*self.networks.weights, *self.networks.biases]
        if native.kernels(*parameters, needs="cell_trace") is None:
            return None
        state = [(p, p._version) for p in parameters]
        before = None if self._shells is None else self._shells[0]
        same = before is not None and all(a is b and n == m for (a, n), (b, m) in zip(before, state))
        if self._shells is None or not same:
            cells, networks = self.cells, (self.networks.weights, self.networks.biases)
            grid = cells.table, cells.low, cells.edge, self.octaves
            self._shells = state, cell_shells(*grid, *networks, "softplus", self.beta)
        return self._shells[1]

    def row_of(self, head: str) -> int:
        """There are no heads.

        Raises:
            KeyError: always.
        """
        raise KeyError(head)

    def at(self, moment: Moment) -> None:
        """Nothing changes over a fit."""
        return

    def start_as_sphere(self, radius: float, inside: bool = False, seed: int = 0) -> None:
        """Nothing to start: a new field has no networks, and free space everywhere."""
        return

    def parameter_groups(self) -> dict[str, list[nn.Parameter]]:
        """What a fit would want.

        Raises:
            UserError: always, as no fit teaches them.
        """
        raise UserError(WHY_NOT)

    @property
    def capturable(self) -> bool:
        """Binning reads numbers back."""
        return False

    @property
    def path(self) -> str:
        """Which way queries go, for logs: "cells avx512", "cells torch"."""
        return f"cells {native.name_of(*self.parameters())}"

    def __repr__(self) -> str:
        """One line: grid, networks, parameters."""
        shape = " x ".join(map(str, self.cells.table.shape))
        return one_line(
            self, f"{self.networks.count:,} networks in {shape} cells", f"hidden {list(self.hidden)}"
        )

    def local(self, columns: Tensor, starts: Tensor, loud: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Networks' outputs [M, O], the first as a length, and its gradient [M, 3]; these train.

        Args:
            columns: [M, 3 + 6 octaves] of places in cells, sorted by network.
            starts: int64 [K + 1] of the networks' rows.
            loud: [3 + 6 octaves] times which the networks see their columns while they learn; None: once.
        """
        if loud is None:
            outputs, slope = self.networks.with_gradient(columns, starts)
        else:
            outputs, slope = self.networks.with_gradient(columns * loud, starts)
            slope = slope * loud
        scaled = torch.cat([outputs[:, :1] * (0.5 * self.cells.edge), outputs[:, 1:]], dim=1)
        return scaled, pulled(columns, slope, self.octaves)

    def _flat(self, what: str, points: Tensor) -> Tensor:
        return flat_points(f"KiloSDF.{what}", points, 3, self.networks.weights[0])

    def _asked(self, points: Tensor, gradient: bool) -> tuple[Tensor, Tensor | None]:
        """Outputs [N, O] and the gradient [N, 3]."""
        points = self.cells.inside(points)
        if torch.is_grad_enabled():
            outputs, slope = self._composed(points, gradient)
        else:
            network = self.networks.weights, self.networks.biases, "softplus", self.beta, gradient
            outputs, slope = cell_query(
                points, self.cells.table, self.cells.low, self.cells.edge, self.octaves, *network
            )
        number = self.cells.numbers(points)
        empty = (number < 0).nonzero()[:, 0]
        if not len(empty):
            return outputs, slope
        distance, rise = self._coarse(points[empty], number[empty])
        answers = torch.cat([distance[:, None], outputs.new_zeros(len(empty), self.feature_dim)], dim=1)
        return outputs.index_copy(0, empty, answers), None if slope is None else slope.index_copy(
            0, empty, rise
        )

    def _composed(self, points: Tensor, gradient: bool) -> tuple[Tensor, Tensor | None]:
        binned = self.cells.binned(points)
        columns = local_columns(binned.local, self.octaves)
        if gradient:
            found, rise = self.local(columns, binned.starts)
        else:
            found = self.networks(columns, binned.starts)
            found = torch.cat([found[:, :1] * (0.5 * self.cells.edge), found[:, 1:]], dim=1)
        outputs = points.new_zeros(len(points), 1 + self.feature_dim).index_copy(0, binned.rows, found)
        return outputs, torch.zeros_like(points).index_copy(0, binned.rows, rise) if gradient else None

    def _coarse(self, points: Tensor, number: Tensor) -> tuple[Tensor, Tensor]:
        """Distances [N] and gradients [N, 3] between the lattice's values, on the cell's side."""
        spacing = self.cells.edge / FINENESS
        at = (points.detach() - self.cells.frame[:3].to(points)) / spacing
        last = torch.tensor(self.lattice.shape, device=points.device) - 2
        base = at.floor().long().clamp_min(0).minimum(last)
        share = (at - base).clamp(0.0, 1.0)
        value, rise = points.new_zeros(len(points)), torch.zeros_like(points)
        for corner in torch.cartesian_prod(*[torch.arange(2, device=points.device)] * 3):
            known = self.lattice[tuple((base + corner).unbind(1))].to(points.dtype)
            weights = torch.where(corner == 1, share, 1.0 - share)
            value = value + known * weights.prod(dim=1)
            signs = 2.0 * corner.to(points.dtype) - 1.0
            others = torch.stack([weights[:, [1, 2]], weights[:, [0, 2]], weights[:, [0, 1]]], dim=1).prod(
                dim=2
            )
            rise = rise + known[:, None] * signs * others
        side = torch.where(number == MATTER, -1.0, 1.0).to(points.dtype)
        least = 0.05 * self.cells.edge
        return side * (SHRUNK * value * side).clamp_min(least), SHRUNK * rise / spacing


def keeping(state: dict[str, Any], dtype: torch.dtype) -> dict[str, Any]:
    """A state with the networks' numbers and the lattice in fewer bits, for the disk; the rest as it is."""

    def small(name: str) -> bool:
        return "weight_" in name or "bias_" in name or name.endswith(("lattice", "texture.table"))

    return {name: tensor.to(dtype) if small(name) else tensor for name, tensor in state.items()}
