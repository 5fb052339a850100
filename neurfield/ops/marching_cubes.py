"""Marching cubes on a dense grid of values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from neurfield.ops import native
from neurfield.ops.marching_cubes_table import triangle_table
from neurfield.ops.reference.marching_cubes import marching_cubes_reference

_kernels: Any = native.module


@torch.no_grad()
def marching_cubes(
    values: Tensor,
    level: float = 0.0,
    *,
    origin: Sequence[float] = (0.0, 0.0, 0.0),
    spacing: float | Sequence[float] = 1.0,
) -> tuple[Tensor, Tensor]:
    """The level set of values on a grid as a welded mesh; normals point to greater values (free space).

    Vertices lie on the grid's edges by linear interpolation, one on each crossed edge; a value that is the
    level counts as greater. Every edge of the mesh belongs to two faces, except where the surface leaves the
    grid or ends at values that are not finite: cubes with such a corner are left out, so NaN marks what
    nobody has seen. Where a value is exactly the level, faces without area come out, which
    `neurfield.surfaces.remove_degenerate_faces` shrinks away.

    Args:
        values: float32 [nx, ny, nz]; copied first if not contiguous, not float32 or not on the CPU.
        origin: position of values[0, 0, 0].
        spacing: between points, positive; one number or one for each axis.

    Returns:
        vertices float64 [v, 3] in the frame of `origin`, and faces int64 [f, 3]. Faces come in the order of
        their cubes, vertices by the x of their edge's lower end, then the edge's axis, then y and z, whatever
        the number of threads. It is the mesh that `extract_level_set` finds, in another order, but
        where signs leave open how the surface goes through a cube: positive corners are kept apart.

    Raises:
        ValueError: values are not a grid, or level, origin or spacing are no finite numbers.

    Example:
        >>> x, y, z = torch.meshgrid(*[torch.linspace(-1, 1, 21)] * 3, indexing="ij")
        >>> sphere = (x**2 + y**2 + z**2).sqrt() - 0.5
        >>> vertices, faces = marching_cubes(sphere, origin=(-1, -1, -1), spacing=0.1)
        >>> (vertices.norm(dim=1) - 0.5).abs().max() < 0.01
        tensor(True)

    Source: Lorensen and Cline 1987; vertices numbered by counting along rows, as in "Flying Edges", Schroeder
    et al. 2015.
    """
    start, step = np.asarray(origin, dtype=np.float64), np.asarray(spacing, dtype=np.float64)
    if values.dim() != 3 or not values.is_floating_point():
        raise ValueError(
            "marching_cubes: values must be floating point [nx, ny, nz], "
            f"got {values.dtype} {tuple(values.shape)}"
        )
    if start.shape != (3,) or step.shape not in ((), (1,), (3,)) or not np.isfinite([level, *start]).all():
        raise ValueError(f"marching_cubes: bad level {level}, origin {origin} or spacing {spacing}")
    if not (np.isfinite(step).all() and (step > 0).all()):
        raise ValueError(f"marching_cubes: spacing must be positive, got {spacing}")
    frame = torch.from_numpy(np.stack([start, np.broadcast_to(step, 3)]))
    grid = values.detach().to("cpu", torch.float32).contiguous()
    if min(grid.shape) < 2:
        return torch.empty(0, 3, dtype=torch.float64), torch.empty(0, 3, dtype=torch.int64)
    if native.module is None:
        vertices, faces = marching_cubes_reference(grid, level)
        return frame[0] + vertices * frame[1], faces
    room = empty(_kernels.GridMesh.room(*grid.shape), np.int64)
    mesh = _kernels.GridMesh(grid, level, torch.tensor(triangle_table()), room)
    vertices = empty(3 * mesh.vertices(), np.float64).view(-1, 3)
    faces = empty(3 * mesh.faces(), np.int64).view(-1, 3)
    mesh.write(frame, vertices, faces)
    return vertices, faces


def empty(size: int, dtype: type) -> Tensor:
    """Memory from NumPy and not from torch, for results of many megabytes.

    NumPy's large arrays come in large pages, and touching those for the first time is several times faster.
    """
    return torch.from_numpy(np.empty(size, dtype=dtype))
