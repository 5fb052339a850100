"""A grid of cells and its tiny networks, as modules whose size is that of the state they take."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from neurfield.ops.cell_networks import cell_mlp, cell_mlp_with_gradient
from neurfield.ops.cells import FREE, locate


class Sized(nn.Module):
    """A module whose tensors become as large as those of the state that it is given."""

    def _load_from_state_dict(self, state_dict: Mapping[str, Any], prefix: str, *rest: Any) -> None:
        for name, own in [*self._parameters.items(), *self._buffers.items()]:
            given = state_dict.get(prefix + name)
            if own is not None and isinstance(given, Tensor) and given.shape != own.shape:
                new = torch.empty(given.shape, dtype=own.dtype, device=own.device)
                setattr(self, name, nn.Parameter(new) if isinstance(own, nn.Parameter) else new)
        super()._load_from_state_dict(state_dict, prefix, *rest)


class Binned(NamedTuple):
    """N points by the networks of their cells.

    Attributes:
        rows: int64 [M] of those that have a network, sorted by it.
        starts: int64 [K + 1], where each network's begin among them.
        local: [M, 3], where in their cells they are, [-1, 1]^3.
    """

    rows: Tensor
    starts: Tensor
    local: Tensor


class Cells(Sized):
    """Which network each cell of a grid has.

    Attributes:
        table: int32 [X, Y, Z], the network's number, -1 in free space without one, -2 in matter without one.
        frame: float32 [4], corner of the grid and edge of a cell, unit lengths.
    """

    table: Tensor
    frame: Tensor

    def __init__(
        self, table: Tensor | None = None, low: Sequence[float] = (-1.0,) * 3, edge: float = 2.0
    ) -> None:
        super().__init__()
        empty = torch.full((1, 1, 1), FREE, dtype=torch.int32)
        self.register_buffer("table", empty if table is None else table.to(torch.int32))
        self.register_buffer("frame", torch.tensor([*low, edge], dtype=torch.float32))

    @property
    def low(self) -> list[float]:
        """The corner of the grid, unit lengths."""
        return self.frame[:3].tolist()

    @property
    def edge(self) -> float:
        """Of a cell, unit lengths."""
        return float(self.frame[3])

    @property
    def networks(self) -> int:
        """How many cells have one."""
        return int((self.table >= 0).sum())

    @property
    def box(self) -> np.ndarray:
        """The grid's corners [2, 3], unit coordinates."""
        low = np.array(self.low)
        return np.stack([low, low + self.edge * np.array(self.table.shape)])

    def corners(self) -> Tensor:
        """The lowest corner of each network's cell, [K, 3]."""
        place = (self.table >= 0).nonzero()
        place = place[self.table[tuple(place.unbind(1))].argsort()]
        return self.frame[:3] + place * self.edge

    def places(self, count: int, generator: torch.Generator) -> Tensor:
        """So many random places of each network's cell, [K * count, 3], cell by cell."""
        corners = self.corners()
        share = torch.rand(len(corners), count, 3, generator=generator)
        return (corners[:, None] + self.edge * share).view(-1, 3)

    def inside(self, points: Tensor) -> Tensor:
        """Points [N, 3], those outside moved to the nearest place of the grid."""
        low, high = (torch.as_tensor(end, dtype=points.dtype, device=points.device) for end in self.box)
        return points.maximum(low).minimum(high)

    def numbers(self, points: Tensor) -> Tensor:
        """What the table says of points [N, 3]: int64 [N]."""
        return locate(points, self.table, self.frame[:3].to(points), self.edge)[0]

    def binned(self, points: Tensor) -> Binned:
        """Points [N, 3] by the networks of their cells."""
        number, local = locate(points, self.table, self.frame[:3].to(points), self.edge)
        rows = (number >= 0).nonzero()[:, 0]
        rows = rows[number[rows].argsort(stable=True)]
        numbers = torch.arange(self.networks + 1, device=points.device)
        return Binned(rows, torch.searchsorted(number[rows], numbers), local[rows])


class CellNetworks(Sized):
    """K fully connected networks of one shape, which all begin alike.

    Attributes:
        sizes: inputs, hidden units, outputs.
        beta: sharpness of the softplus.

    Args:
        count: K.
        sizes: inputs, hidden units of each layer, outputs.
        beta: sharpness of the softplus.
        seed: of the numbers.
    """

    def __init__(self, count: int, sizes: Sequence[int], beta: float, seed: int = 0) -> None:
        super().__init__()
        self.sizes, self.beta = tuple(sizes), beta
        generator = torch.Generator().manual_seed(seed)
        for layer, (a, b) in enumerate(pairwise(sizes)):
            weight = torch.randn(b, a, generator=generator) * math.sqrt(2.0 / a)
            self.register_parameter(f"weight_{layer}", nn.Parameter(weight.repeat(count, 1, 1)))
            self.register_parameter(f"bias_{layer}", nn.Parameter(torch.zeros(count, b)))

    @property
    def count(self) -> int:
        """K."""
        return len(self.weights[0])

    @property
    def weights(self) -> list[Tensor]:
        """[K, out, in] of each layer."""
        return [getattr(self, f"weight_{layer}") for layer in range(len(self.sizes) - 1)]

    @property
    def biases(self) -> list[Tensor]:
        """[K, out] of each layer."""
        return [getattr(self, f"bias_{layer}") for layer in range(len(self.sizes) - 1)]

    def forward(self, inputs: Tensor, starts: Tensor, output_activation: str = "none") -> Tensor:
        """Outputs [N, O] of rows of inputs [N, D] sorted by network; see `neurfield.ops.cell_mlp`."""
        return cell_mlp(
            inputs, starts, self.weights, self.biases, beta=self.beta, output_activation=output_activation
        )

    def with_gradient(self, inputs: Tensor, starts: Tensor) -> tuple[Tensor, Tensor]:
        """Outputs [N, O] and the first one's gradient [N, D] by the inputs."""
        return cell_mlp_with_gradient(inputs, starts, self.weights, self.biases, beta=self.beta)
