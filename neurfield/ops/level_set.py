"""A level set on a lattice of which only the corners near the surface are ever asked for.

Legend: the lattice has nx * ny * nz cubes and one more point than cubes along each axis; points and cubes are
named by integers (cube i lies between points i and i + 1). Positive means not below the level.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from neurfield.ops import native
from neurfield.ops.marching_cubes_table import triangle_table
from neurfield.ops.reference.level_set import DenseLevelSet

_kernels: Any = native.module


class LevelSet(Protocol):
    """Corners known and wanted, and marching cubes over the cubes whose corners are all known.

    One goes on until nothing is wanted: `want_cells`, then `take` and `give` while `wanted()`, then
    `want_frontier` and again. `extract` then gives a surface without a border, except where it leaves the
    lattice.
    """

    def put(self, points: Tensor, values: Tensor) -> None:
        """Make points int32 [k, 3] known by their values [k]."""

    def want_cells(self, corners: Tensor, size: int) -> None:
        """Want all corners of the cubes in boxes `size` cubes wide, their lowest corners int32 [k, 3]."""

    def wanted(self) -> int:
        """How many points are wanted and not known."""

    def take(self, limit: int) -> Tensor:
        """Up to `limit` wanted points int32 [k, 3]; their values must be given next."""

    def give(self, values: Tensor) -> None:
        """The values float32 [k] of the points taken last."""

    def want_frontier(self, level: float) -> None:
        """Where the surface enters a cube with unknown corners, want those of its block of 8^3 cubes."""

    def extract(self, level: float) -> tuple[Tensor, Tensor]:
        """Vertices float64 [v, 3] in lattice units, faces int64 [f, 3]; normals to where it is positive.

        Vertices lie on the lattice's edges by linear interpolation, one on each crossed edge. Both come in an
        order that does not depend on which points were asked for or when.
        """


def level_set(cubes: Sequence[int]) -> LevelSet:
    """An empty lattice of nx, ny, nz cubes: native where there are kernels, else the dense reference."""
    if min(cubes) < 1 or max(cubes) >= 1 << 21:
        raise ValueError(f"level_set: cubes must be 1 to {(1 << 21) - 1} along each axis, got {tuple(cubes)}")
    return DenseLevelSet(cubes) if native.module is None else _NativeLevelSet(cubes)


class _NativeLevelSet:
    def __init__(self, cubes: Sequence[int]) -> None:
        self._kernel = _kernels.LevelSet(*cubes)

    def put(self, points: Tensor, values: Tensor) -> None:
        self._kernel.put(points.to(torch.int32).contiguous(), values.float().contiguous())

    def want_cells(self, corners: Tensor, size: int) -> None:
        self._kernel.want_cells(corners.to(torch.int32).contiguous(), size)

    def wanted(self) -> int:
        return self._kernel.wanted()

    def take(self, limit: int) -> Tensor:
        points = torch.empty(limit, 3, dtype=torch.int32)
        return points[: self._kernel.take(points)]

    def give(self, values: Tensor) -> None:
        self._kernel.give(values.float().contiguous())

    def want_frontier(self, level: float) -> None:
        self._kernel.want_frontier(level)

    def extract(self, level: float) -> tuple[Tensor, Tensor]:
        table = torch.tensor(triangle_table())
        n_vertices, n_faces = self._kernel.measure(level, table)
        vertices = torch.empty(n_vertices, 3, dtype=torch.float64)
        faces = torch.empty(n_faces, 3, dtype=torch.int64)
        self._kernel.extract(level, table, vertices, faces)
        return vertices, faces
