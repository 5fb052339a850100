"""A field's level set as a welded mesh, asked for only where the surface can be."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from neurfield.ops.level_set import level_set

_COARSE_CELLS = 64  # along the longest side, for the first look


@torch.no_grad()
def extract_level_set(
    field: Callable[[Tensor], Tensor],
    box: np.ndarray,
    voxel: float,
    *,
    level: float = 0.0,
    lipschitz: float = 1.5,
    chunk: int = 1 << 18,
    progress: Callable[[str, float], None] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Marching cubes over a field known as a function; normals point to greater values (free space).

    Cells from 1/64 of the box down to two voxels are dropped where |f(centre) - level| > lipschitz * half the
    cell's diagonal; what is left is evaluated once per corner. Where the surface then runs into dropped
    cells, those are evaluated too, so that every
    piece that was found is found whole: only pieces that lie in dropped cells all over can be missed. The
    mesh is the same, bit for bit, as that of all cells (`lipschitz=math.inf`). Welded; watertight except
    where the surface leaves the box.

    Args:
        field: values [k] of points float32 [k, 3], on any device; the points are on the CPU.
        box: [2, 3] low and high corner. The lattice starts at the low corner; its last cubes may reach beyond
            the high one by less than a voxel.
        voxel: edge of the cubes.
        lipschitz: the steepest slope to reckon with; 1 suffices for an exact signed distance, neural ones
            overshoot.
        chunk: points per call of the field.
        progress: is told what goes on, and which fraction of it is done.

    Returns:
        vertices float64 [v, 3] in the box's frame and faces int64 [f, 3]; both empty where there is no
        surface.

    Raises:
        ValueError: the box is empty, the voxel not positive, or the field gives a value that is not finite.

    Source: Lorensen and Cline 1987; the pruning rule is the Lipschitz octree's of
    `warp.sparse_marching_cubes` and libigl.
    """
    low, high = np.asarray(box, dtype=np.float64).reshape(2, 3)
    if not (np.isfinite([low, high]).all() and (high > low).all() and voxel > 0 and math.isfinite(voxel)):
        raise ValueError(
            f"extract_level_set: need a box with volume and a positive voxel, got {[*low, *high]}, {voxel}"
        )
    cubes = np.maximum(1, np.ceil((high - low) / voxel - 1e-6)).astype(np.int64)
    ask = _Asker(field, torch.from_numpy(low), voxel, chunk)

    tell = progress or (lambda stage, fraction: None)
    lattice = level_set(cubes.tolist())
    near = _cells_near_surface(ask, torch.from_numpy(cubes), voxel, level, lipschitz, tell)
    lattice.put(near.centres, near.values)
    lattice.want_cells(near.corners, 2)
    del near
    stage = "evaluating the field near the surface"
    while total := lattice.wanted():
        while left := lattice.wanted():
            tell(stage, 1.0 - left / total)
            lattice.give(ask(lattice.take(chunk)))
        lattice.want_frontier(level)
        stage = "following the surface"
    tell("marching cubes", 0.0)
    vertices, faces = lattice.extract(level)
    tell("marching cubes", 1.0)
    return low + vertices.numpy() * voxel, faces.numpy()


class _Asker:
    """The field at lattice points: positions come from the integers alone, so a point is one whoever asks."""

    def __init__(self, field: Callable[[Tensor], Tensor], low: Tensor, voxel: float, chunk: int) -> None:
        self.field, self.low, self.voxel, self.chunk = field, low, voxel, chunk

    def __call__(self, points: Tensor) -> Tensor:
        """Values float32 [k] of lattice points [k, 3]."""
        values = torch.empty(points.shape[0])
        for start in range(0, points.shape[0], self.chunk):
            part = slice(start, start + self.chunk)
            positions = (self.low + points[part].double() * self.voxel).float()
            values[part] = self.field(positions).detach().reshape(-1).float().cpu()
            wrong = ~torch.isfinite(values[part])
            if wrong.any():
                worst = int(wrong.nonzero()[0])
                raise ValueError(
                    f"extract_level_set: the field is {values[part][worst].item()} at "
                    f"{positions[worst].tolist()} (one of {int(wrong.sum())} such points of "
                    f"{len(positions)}); has the fit diverged?"
                )
        return values


class _Cells(NamedTuple):
    """Cells by their lowest corners [k, 3], the points at their centres [k, 3] and the values there [k]."""

    corners: Tensor
    centres: Tensor
    values: Tensor


def _cells_near_surface(
    ask: _Asker,
    cubes: Tensor,
    voxel: float,
    level: float,
    lipschitz: float,
    tell: Callable[[str, float], None],
) -> _Cells:
    """The cells of two voxels' edge that the surface may touch."""
    size = 2
    while int(cubes.max()) > _COARSE_CELLS * size:
        size *= 2
    coarsest = size
    cells = torch.cartesian_prod(*[torch.arange(-(-int(n) // size)) for n in cubes])  # [k, 3]
    children = torch.cartesian_prod(*[torch.arange(2)] * 3)
    while True:
        tell("looking for the surface", 1.0 - math.log2(size) / math.log2(2 * coarsest))
        low = cells * size
        # Cells at the far border are cut off by it, and their centres moved in: the field is not asked
        # outside of the lattice.
        centres = (low + torch.minimum(low + size, cubes)) // 2
        values = ask(centres)
        # Not "<=", so that an infinite Lipschitz constant times anything keeps all.
        keep = ~((values - level).abs() > lipschitz * 0.5 * math.sqrt(3.0) * size * voxel)
        cells = cells[keep]
        if size == 2:
            return _Cells(cells * 2, centres[keep], values[keep])
        size //= 2
        cells = (2 * cells[:, None] + children).reshape(-1, 3)
        cells = cells[(cells * size < cubes).all(dim=1)]
