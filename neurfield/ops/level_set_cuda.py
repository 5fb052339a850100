"""The level set on a GPU: the blocks' memory is torch's, bits and values are the kernels'.

Places of blocks are numbers in a dense directory, slots the order in which blocks came; an entry is a point,
as slot * 512 + its place in the block.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from neurfield.errors import UserError
from neurfield.ops import native
from neurfield.ops.cube_topology import AmbiguousCubes
from neurfield.ops.marching_cubes_table import triangle_table

_BLOCK = 8
_POINTS = _BLOCK**3
_KINDS = 5  # known, wanted, above, below, positive: see csrc/surface/device_lattice.h
_MOST_PLACES = 1 << 31  # what an int32 numbers: 10000 cubes along each axis


class CudaLevelSet:
    """See `neurfield.ops.level_set.LevelSet`; points and values stay on `device`."""

    def __init__(self, cubes: Sequence[int], level: float, slope: float, device: torch.device | str) -> None:
        extent = [n // _BLOCK + 1 for n in cubes]
        if math.prod(extent) > _MOST_PLACES:
            raise UserError(
                f"level set: {' x '.join(map(str, cubes))} cubes are too many for a GPU; choose a "
                "larger voxel"
            )
        self._cubes, self._extent, self._level, self._slope = tuple(cubes), extent, level, slope
        self._directory = torch.full(extent, -1, dtype=torch.int32, device=device)
        self.device = self._directory.device
        self._last_point = torch.tensor(self._cubes, dtype=torch.int32, device=self.device)
        self._corners = torch.cartesian_prod(*[torch.arange(2)] * 3).to(self.device)  # [8, 3]
        self._blocks = 0
        self._places = self._zeros(0, dtype=torch.int32)
        self._values = self._zeros(0, _POINTS, dtype=torch.float32)
        self._bits = self._zeros(0, _KINDS, _BLOCK, dtype=torch.int64)
        self._dirty = self._zeros(0, dtype=torch.uint8)
        # The plan in which wanted points are handed out: how many come before each block, how many have been
        # given values. Made when it is asked for, after the last wish.
        self._before = self._zeros(0, dtype=torch.int64)
        self._planned = True
        self._total = self._given = 0
        self._taken = self._zeros(0, dtype=torch.int64)
        self._taken_as_planned = False

    def put(self, points: Tensor, values: Tensor, reach: int = 0) -> None:
        points = points.to(self.device, torch.int32)
        if bool(((points < 0) | (points > self._last_point)).any()):
            raise ValueError("points: outside of the lattice")
        places = self._place_of(points.long() // _BLOCK)
        self._add(places)
        within = points.long() % _BLOCK
        place = (within[:, 0] * _BLOCK + within[:, 1]) * _BLOCK + within[:, 2]
        self._set(self._directory.view(-1)[places] * _POINTS + place, values, reach)
        self._planned = False

    def want_unsettled(self, step: int = 1, every_other: bool = False) -> None:
        self._kernels.level_set_want_unsettled(self._state, self._blocks, step, every_other)
        self._planned = False

    def wanted(self) -> int:
        if not self._planned:
            counts = torch.empty(self._blocks, dtype=torch.int64, device=self.device)
            self._kernels.level_set_count_wanted(self._state, counts)
            sums = counts.cumsum(0)
            self._before = sums - counts
            self._total, self._given = int(sums[-1]) if self._blocks else 0, 0
            self._planned, self._taken_as_planned = True, False
        return self._total - self._given

    def take(self, limit: int) -> Tensor:
        count = min(limit, self.wanted())
        self._taken = torch.empty(count, dtype=torch.int64, device=self.device)
        points = torch.empty(count, 3, dtype=torch.int32, device=self.device)
        self._kernels.level_set_take(self._state, self._before, self._given, self._taken, points)
        self._taken_as_planned = True
        return points

    def give(self, values: Tensor, reach: int = 0) -> None:
        self._set(self._taken, values, reach)
        if self._taken_as_planned:
            self._given += len(self._taken)
        else:
            self._planned = False
        self._taken = self._taken[:0]

    def want_frontier(self) -> None:
        dirty = self._dirty[: self._blocks].nonzero()[:, 0]
        self._dirty.zero_()
        windows = (self._at(self._places[dirty].long())[:, None] - self._corners).view(-1, 3)
        places = self._place_of(windows[(windows >= 0).all(dim=1)]).unique()
        open_ = self._zeros(len(places), dtype=torch.uint8)
        self._kernels.level_set_look(self._state, places, open_)
        places = places[open_.bool()]
        needed = (self._at(places)[:, None] + self._corners).view(-1, 3)
        self._add(self._place_of(needed[(needed * _BLOCK <= self._last_point).all(dim=1)]))
        self._kernels.level_set_want_corners(self._state, places)
        self._planned = False

    def extract(self) -> tuple[Tensor, Tensor]:
        table = torch.tensor(triangle_table(), device=self.device)
        triangles = ((table != 255).sum(dim=1) // 3).to(torch.uint8)
        n = self._blocks
        crossed = torch.empty(n, 24, dtype=torch.int64, device=self.device)
        before = torch.empty(n, 24, dtype=torch.int32, device=self.device)
        totals = torch.empty(2, n, dtype=torch.int64, device=self.device)
        self._kernels.level_set_count(self._state, triangles, crossed, before, totals)
        order = self._places[:n].argsort()
        totals = totals[:, order]
        sums = totals.cumsum(dim=1)
        first = torch.empty_like(totals)
        first[:, order] = sums - totals
        n_vertices, n_faces = sums[:, -1].tolist() if n else (0, 0)
        vertices = torch.empty(n_vertices, 3, dtype=torch.float64, device=self.device)
        faces = torch.empty(n_faces, 3, dtype=torch.int64, device=self.device)
        slots = order[(totals > 0).any(dim=0)]
        self._kernels.level_set_write(
            self._state, slots, table, triangles, crossed, before, first, self._level, vertices, faces
        )
        return vertices, faces

    def ambiguous(self) -> AmbiguousCubes | None:
        return None

    def on_plane(self, x: int) -> np.ndarray:
        raise NotImplementedError("on_plane: bricks are on the CPU")

    @property
    def _kernels(self) -> Any:
        """Asked for before each use: this is what sets them to torch's current stream."""
        return native.kernels(self._values)

    @property
    def _state(self) -> tuple[Any, ...]:
        return self._directory, self._places, self._values, self._bits, self._dirty, self._cubes

    def _zeros(self, *shape: int, dtype: torch.dtype) -> Tensor:
        return torch.zeros(*shape, dtype=dtype, device=self.device)

    def _set(self, entries: Tensor, values: Tensor, reach: int) -> None:
        values = values.to(self.device, torch.float32).contiguous()
        self._kernels.level_set_set(self._state, entries, values, self._level, self._slope, reach)

    def _place_of(self, blocks: Tensor) -> Tensor:
        """Numbers [k] of places [k, 3] in blocks."""
        _, ny, nz = self._extent
        return (blocks[:, 0] * ny + blocks[:, 1]) * nz + blocks[:, 2]

    def _at(self, places: Tensor) -> Tensor:
        """Places [k, 3] in blocks of numbers [k]."""
        _, ny, nz = self._extent
        return torch.stack([places // (ny * nz), places // nz % ny, places % nz], dim=1)

    def _add(self, places: Tensor) -> None:
        """Makes the blocks at these numbers [k] that there are not yet."""
        directory = self._directory.view(-1)
        fresh = places[directory[places] < 0].unique()
        begin, end = self._blocks, self._blocks + len(fresh)
        self._make_room(end)
        self._places[begin:end] = fresh.to(torch.int32)
        directory[fresh] = torch.arange(begin, end, dtype=torch.int32, device=self.device)
        self._blocks = end

    def _make_room(self, blocks: int) -> None:
        have = len(self._places)
        if blocks <= have:
            return
        room = max(blocks + blocks // 8, have + have // 2)

        def grown(old: Tensor) -> Tensor:
            new = torch.empty(room, *old.shape[1:], dtype=old.dtype, device=self.device)
            new[:have] = old
            return new

        self._places, self._values = grown(self._places), grown(self._values)
        self._bits, self._dirty = grown(self._bits), grown(self._dirty)
        self._bits[have:] = 0
        self._dirty[have:] = 0
