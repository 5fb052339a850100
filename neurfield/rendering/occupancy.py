"""What is known of where the surface may be: the SDF at a grid's cell centres, refreshed now and then."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from neurfield.ops.occupancy_grid import conservative_occupancy

_POINTS_AT_ONCE = 1 << 18


class OccupancyGrid(nn.Module):
    """SDF values at the centres of cubic cells that cover a box; all cells count as occupied until asked for.

    The rule is PermutoSDF's (Rosu and Behnke 2023): a cell is out of reach of the surface if the SDF at its
    centre exceeds half the cell's diagonal, times the field's slope, by more than the reach of the opacity.
    No moving average, no jitter: the last value of a cell decides. Fields are steeper than distances while
    they are fitted, and here and there at the end, so the slope of each cell is measured: from its value to
    those of the cells beside it.

    Attributes:
        box: six numbers, low then high corner of the grid: the box given, widened about its centre to whole
            cells.
        cell: edge of a cell, in the lengths of the box.
        bounds: the box as float32 [6], where the values are.
        values: [X, Y, Z] SDF at the cell centres (a buffer; `take` replaces them).
        has_values: whether any cell was asked for yet, known without waiting for the values' device.
    """

    values: Tensor
    bounds: Tensor

    def __init__(
        self,
        box: Sequence[float],
        resolution: int = 128,
        *,
        lipschitz: float = 1.0,
        device: torch.device | str | None = None,
    ) -> None:
        """Cover a box with cells.

        Args:
            box: xmin ymin zmin xmax ymax zmax.
            resolution: cells along the longest side.
            lipschitz: the least slope to reckon with.
            device: of the values.

        Raises:
            ValueError: the box has no volume, or there is no cell.
        """
        super().__init__()
        low, high = list(box[:3]), list(box[3:])
        extent = [b - a for a, b in zip(low, high)]
        if len(box) != 6 or not min(extent, default=0.0) > 0 or resolution < 1:
            raise ValueError(
                f"OccupancyGrid: need a box with volume and resolution >= 1, got {list(box)}, {resolution}"
            )
        self.cell = max(extent) / resolution
        self.lipschitz = lipschitz
        shape = [max(1, math.ceil(e / self.cell - 1e-6)) for e in extent]
        half = [0.5 * n * self.cell for n in shape]
        centre = [0.5 * (a + b) for a, b in zip(low, high)]
        self.box = [c - h for c, h in zip(centre, half)] + [c + h for c, h in zip(centre, half)]
        self.register_buffer("values", torch.zeros(shape, device=device))
        self.register_buffer("bounds", torch.tensor(self.box, device=device), persistent=False)
        self.has_values = False
        self._answer: tuple[tuple[int, int, int], Tensor] | None = None
        self._clear: tuple[tuple[int, int], Tensor] | None = None

    def occupied(self, margin: float = 0.0) -> Tensor:
        """uint8 [X, Y, Z]: 1 where a cell may come within `margin` of the surface. Not to be written to.

        The margin, a length of the box, is rounded up to a 16th of a cell, and the answer kept for as long as
        it holds: a margin that shrinks a little every step does not cost a pass over the grid every step.

        Raises:
            ValueError: the margin is no length.
        """
        if not 0.0 <= margin < math.inf:
            raise ValueError(f"OccupancyGrid: margin must be a length, got {margin}")
        sixteenths = math.ceil(margin / self.cell * 16.0 - 1e-6)
        key = (sixteenths, self.values._version, self.values.data_ptr())
        if self._answer is None or self._answer[0] != key:
            margin = sixteenths / 16.0 * self.cell
            self._answer = (key, conservative_occupancy(self._clearance(), 0.0, margin))
        return self._answer[1]

    @torch.no_grad()
    def take(self, values: Tensor) -> None:
        """Go on from values that another grid of this shape had."""
        self.values.copy_(values)
        self.has_values = bool(self.values.any())

    @torch.no_grad()
    def update(self, field: Callable[[Tensor], Tensor]) -> None:
        """Ask the SDF anew in all cells.

        Args:
            field: gives SDF [k] of points [k, 3] in the coordinates of the box.
        """
        self._ask(field, torch.arange(self.values.numel(), device=self.values.device))

    @torch.no_grad()
    def refresh(
        self, field: Callable[[Tensor], Tensor], turn: int, *, near: int, far: int, margin: float = 0.0
    ) -> None:
        """Ask the SDF anew in every `near`-th of the cells `occupied(margin)` now and every `far`-th of all.

        Turn by turn the slices rotate: after `far` turns every cell was asked, those near the surface much
        more often.

        Args:
            field: gives SDF [k] of points [k, 3] in the coordinates of the box.
            turn: counts the calls.
            near: 1: all of the cells near the surface.
            far: 1: all cells.
            margin: as for `occupied`.
        """
        every = torch.zeros(self.values.numel(), dtype=torch.bool, device=self.values.device)
        every[turn % far :: far] = True
        occupied = self.occupied(margin).view(-1).nonzero()[:, 0]
        every[occupied[turn % near :: near]] = True
        self._ask(field, every.nonzero()[:, 0])

    def _ask(self, field: Callable[[Tensor], Tensor], cells: Tensor) -> None:
        flat = self.values.view(-1)
        for part in cells.split(_POINTS_AT_ONCE):
            flat[part] = field(self.centres(part)).to(flat).view(-1)
        self.has_values = True

    def _clearance(self) -> Tensor:
        """[X, Y, Z] how far, in SDF, each cell is at least from the surface; 0 where it may hold it."""
        state = self.values._version, self.values.data_ptr()
        if self._clear is None or self._clear[0] != state:
            within = 0.5 * math.sqrt(3.0) * self.cell * self.slopes()
            self._clear = (state, (self.values.abs() - within).clamp_min(0.0))
        return self._clear[1]

    def slopes(self) -> Tensor:
        """The slope reckoned with in each cell [X, Y, Z], at least `lipschitz`.

        It is how steeply the values rise or fall towards the cells beside it, to the steeper side along each
        axis.
        """
        square = torch.zeros_like(self.values)
        for axis in range(3):
            rise = self.values.diff(dim=axis).abs_()
            none = torch.zeros_like(self.values.narrow(axis, 0, 1))
            before, after = torch.cat([none, rise], dim=axis), torch.cat([rise, none], dim=axis)
            square.addcmul_(*[torch.maximum(before, after)] * 2)
        return square.sqrt_().div_(self.cell).clamp_min_(self.lipschitz)

    def centres(self, cells: Tensor) -> Tensor:
        """Centres [k, 3] of cells given by their flat index int64 [k], z fastest."""
        _, ny, nz = self.values.shape
        place = torch.stack([cells // (ny * nz), cells // nz % ny, cells % nz], dim=1)  # [k, 3]
        return (place + 0.5) * self.cell + self.bounds[:3]
