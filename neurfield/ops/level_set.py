"""A level set on a lattice of which only the corners near the surface are ever asked for.

Legend: the lattice has nx * ny * nz cubes and one more point than cubes along each axis; points and cubes are
named by integers (cube i lies between points i and i + 1). Positive means not below the level.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from neurfield.ops import native
from neurfield.ops.cube_topology import AmbiguousCubes, ambiguous_cases
from neurfield.ops.level_set_cuda import CudaLevelSet
from neurfield.ops.marching_cubes import empty
from neurfield.ops.marching_cubes_table import triangle_table
from neurfield.ops.reference.level_set import DenseLevelSet

_kernels: Any = native.module


class LevelSet(Protocol):
    """Corners known, settled (known to be on one side of the level) and wanted, and marching cubes over them.

    `put` values at points near which the surface may be: this makes the blocks of 8^3 points that are looked
    at. Then `want_unsettled`, from few points to all, each time with `take` and `give` while `wanted()`. Then
    `want_frontier`, and values again, until nothing is wanted: `extract` gives a surface without a border,
    except where it leaves the lattice.

    Each value settles the points around it, up to `reach` away, that a field of the level set's slope cannot
    have brought to the other side; only where the surface passes are values needed. Where the field is
    steeper, a point may be settled on the wrong side. It is put right when its value is asked for, as are all
    that the surface, as found, passes by: only a piece that no known point tells of stays hidden.
    """

    device: torch.device
    """Where the lattice is: points come from there, and the surface. What is given may lie anywhere."""

    def put(self, points: Tensor, values: Tensor, reach: int = 0) -> None:
        """Make points int32 [k, 3] known by their values [k], and their blocks looked at."""

    def want_unsettled(self, step: int = 1, every_other: bool = False) -> None:
        """Want the points that are not settled, in the blocks that are looked at.

        Args:
            step: 1, 2 or 4: of the points, those whose coordinates are multiples of it.
            every_other: only half of these, as the black squares of a board.
        """

    def wanted(self) -> int:
        """How many points are wanted and not known."""

    def take(self, limit: int) -> Tensor:
        """Up to `limit` wanted points int32 [k, 3]; their values must be given next."""

    def give(self, values: Tensor, reach: int = 0) -> None:
        """The values float32 [k] of the points taken last."""

    def want_frontier(self) -> None:
        """Want the ends of edges that the surface crosses, and what is missing around it.

        Where the surface comes to a cube with a corner that is neither known nor settled, the points of the
        cube's block are wanted.
        """

    def extract(self) -> tuple[Tensor, Tensor]:
        """Vertices float64 [v, 3] in lattice units, faces int64 [f, 3]; normals to where it is positive.

        Vertices lie on the lattice's edges by linear interpolation, one on each crossed edge. Both come in an
        order that does not depend on which points were asked for or when.
        """

    def ambiguous(self) -> AmbiguousCubes | None:
        """After `extract`: the cubes through which the surface could go otherwise; None: not known here.

        Faces keep positive corners apart that face each other across a diagonal.
        """

    def on_plane(self, x: int) -> np.ndarray:
        """After `extract`: the vertices on edges within a plane, int64 [k, 4], in an order of their own.

        Each has its number, y and z of the low end of its edge, and the edge's axis. On a GPU it is not
        there.

        Args:
            x: of the plane, a multiple of 8.
        """


def level_set(
    cubes: Sequence[int],
    level: float = 0.0,
    slope: float = math.inf,
    device: torch.device | str | None = None,
    first: int = 0,
) -> LevelSet:
    """An empty lattice of nx, ny, nz cubes: native where there are kernels, else the dense reference.

    Args:
        cubes: nx, ny, nz.
        level: the value on the surface.
        slope: the most by which the field changes from one point to the next along an axis; infinite settles
            nothing that is not known.
        device: where the lattice shall be: a GPU for which there are kernels, else it is on the CPU.
        first: where the lattice begins along x, a multiple of 8; points and cubes count from 0 all the same,
            and nx is where it ends. On the CPU alone.

    Raises:
        ValueError: the cubes, the level or the slope are out of their range.

    Example:
        >>> def ball(points):
        ...     return (points.float() - 8.0).norm(dim=1) - 4.0
        >>> lattice = level_set((16, 16, 16), slope=1.0)
        >>> start = torch.tensor([[8, 8, 12]], dtype=torch.int32)
        >>> lattice.put(start, ball(start))
        >>> lattice.want_unsettled()
        >>> while lattice.wanted():
        ...     lattice.give(ball(lattice.take(1000)))
        ...     lattice.want_frontier()
        >>> vertices, faces = lattice.extract()
        >>> ball(vertices).abs().max() < 0.1
        tensor(True)
    """
    if min(cubes) < 1 or max(cubes) >= 1 << 21:
        raise ValueError(f"level_set: cubes must be 1 to {(1 << 21) - 1} along each axis, got {tuple(cubes)}")
    if not (math.isfinite(level) and slope > 0):
        raise ValueError(f"level_set: need a finite level and a positive slope, got {level}, {slope}")
    if not 0 <= first < cubes[0] or first % 8:
        raise ValueError(f"level_set: first must be a multiple of 8 below {cubes[0]}, got {first}")
    device = torch.device("cpu" if device is None else device)
    if first == 0 and native.kernels(torch.empty(0, device=device), needs="level_set_set") is not None:
        return CudaLevelSet(cubes, level, slope, device)
    make = DenseLevelSet if native.module is None else _NativeLevelSet
    return make(cubes, level, slope, first)


class _NativeLevelSet:
    def __init__(
        self, cubes: Sequence[int], level: float = 0.0, slope: float = math.inf, first: int = 0
    ) -> None:
        self.device = torch.device("cpu")
        self._kernel = _kernels.LevelSet(*cubes, level, slope, first // 8)
        self._ambiguous = 0

    def put(self, points: Tensor, values: Tensor, reach: int = 0) -> None:
        points, values = points.to("cpu", torch.int32), values.to("cpu", torch.float32)
        self._kernel.put(points.contiguous(), values.contiguous(), reach)

    def want_unsettled(self, step: int = 1, every_other: bool = False) -> None:
        self._kernel.want_unsettled(step, every_other)

    def wanted(self) -> int:
        return self._kernel.wanted()

    def take(self, limit: int) -> Tensor:
        points = torch.empty(limit, 3, dtype=torch.int32)
        return points[: self._kernel.take(points)]

    def give(self, values: Tensor, reach: int = 0) -> None:
        self._kernel.give(values.to("cpu", torch.float32).contiguous(), reach)

    def want_frontier(self) -> None:
        self._kernel.want_frontier()

    def extract(self) -> tuple[Tensor, Tensor]:
        table = torch.tensor(triangle_table())
        open_ = torch.tensor(ambiguous_cases())
        n_vertices, n_faces, self._ambiguous = self._kernel.measure(table, open_)
        vertices, faces = empty(3 * n_vertices, np.float64), empty(3 * n_faces, np.int64)
        vertices, faces = vertices.view(-1, 3), faces.view(-1, 3)
        self._kernel.extract(table, vertices, faces)
        return vertices, faces

    def ambiguous(self) -> AmbiguousCubes:
        cubes = torch.empty(self._ambiguous, 17, dtype=torch.int64)
        values = torch.empty(self._ambiguous, 8)
        self._kernel.ambiguous(cubes, values)
        rows = cubes.numpy()
        return AmbiguousCubes(rows[:, :3], rows[:, 3], rows[:, 4], rows[:, 5:], values.numpy())

    def on_plane(self, x: int) -> np.ndarray:
        found = torch.empty(
            self._kernel.on_plane(x // 8, torch.empty(0, 4, dtype=torch.int64)), 4, dtype=torch.int64
        )
        self._kernel.on_plane(x // 8, found)
        return found.numpy()
