"""A field's level set as a welded mesh, asked for only where the surface can be."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from neurfield.ops.level_set import level_set

_COARSE_CELLS = 64  # along the longest side, for the first look, unless that makes them smaller than a block
_BLOCK = 8  # cubes along the edge of the level set's blocks


def extract_level_set(
    field: Callable[[Tensor], Tensor],
    box: np.ndarray,
    voxel: float,
    *,
    level: float = 0.0,
    lipschitz: float = 1.25,
    chunk: int = 1 << 18,
    progress: Callable[[str, float], None] | None = None,
    device: torch.device | str = "cpu",
) -> tuple[np.ndarray, np.ndarray]:
    """Marching cubes over a field known as a function; normals point to greater values (free space).

    A value tells that the field keeps its side of the level up to |f - level| / lipschitz away. So cells from
    1/64 of the box down to eight voxels are dropped by the value in their middle; in the others, ever closer
    points are evaluated, each only if no value so far tells its side. Then every edge that the surface
    crosses gets values at both ends, and the surface is followed wherever it leaves what was looked at or
    proves a point to be on the other side, so that every piece that was found is found whole. The mesh is
    that of all points (`lipschitz=math.inf`), bit for bit, but for pieces, if there are any, around which the
    field is steeper than `lipschitz` all over. It is welded, and watertight except where the surface leaves
    the box.

    Lorensen and Cline, Marching Cubes, SIGGRAPH 1987; the pruning rule is the Lipschitz octree's of
    `warp.sparse_marching_cubes` and libigl.

    Args:
        field: values [k] of points float32 [k, 3] on `device`.
        box: [2, 3], low and high corner. The lattice starts at the low corner; its last cubes may reach
            beyond the high one by less than a voxel.
        voxel: edge of the cubes.
        level: the value of the surface.
        lipschitz: the steepest slope to reckon with; 1 for an exact signed distance. Fitted ones overshoot
            here and there (at the surface of a fitted room 1.07 in a tenth, 1.32 in a hundredth of the
            voxels), but a piece is lost only where that is so all around it.
        chunk: points per call of the field.
        progress: is told what goes on, and which fraction of it is done.
        device: where the field is. If it is a GPU for which there are kernels, all happens there.

    Returns:
        Vertices float64 [v, 3] in the box's coordinates and faces int64 [f, 3]; both empty where there is no
        surface.

    Raises:
        ValueError: the box is empty, the voxel not positive, or the field gives a value that is not finite.

    Example:
        >>> vertices, faces = extract_level_set(
        ...     lambda points: points.norm(dim=1) - 0.5, np.array([[-1, -1, -1], [1, 1, 1]]), voxel=0.1
        ... )
        >>> len(vertices) - len(faces) // 2  # a closed surface without holes
        2
    """
    low, vertices, faces = surface_on_lattice(
        field, box, voxel, level=level, lipschitz=lipschitz, chunk=chunk, progress=progress, device=device
    )
    return low + vertices * voxel, faces


@torch.no_grad()
def surface_on_lattice(
    field: Callable[[Tensor], Tensor],
    box: np.ndarray,
    voxel: float,
    *,
    level: float = 0.0,
    lipschitz: float = 1.25,
    chunk: int = 1 << 18,
    progress: Callable[[str, float], None] | None = None,
    device: torch.device | str = "cpu",
    least: float = 0.0,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """As `extract_level_set`: where the lattice begins [3], vertices in its units [v, 3], faces [f, 3].

    Args are the same, and `least`: values nearer to the level are moved away to it, on their side, so that a
    vertex tells by its coordinates which edge it lies on.
    """
    low, high = np.asarray(box, dtype=np.float64).reshape(2, 3)
    if not (np.isfinite([low, high]).all() and (high > low).all() and voxel > 0 and math.isfinite(voxel)):
        raise ValueError(
            f"extract_level_set: need a box with volume and a positive voxel, got {[*low, *high]}, {voxel}"
        )
    cubes = np.maximum(1, np.ceil((high - low) / voxel - 1e-6)).astype(np.int64)
    tell = progress or (lambda stage, fraction: None)
    lattice = level_set(cubes.tolist(), level, lipschitz * voxel, device)
    at_lattice = _LatticeField(
        field, torch.device(device), torch.from_numpy(low).to(lattice.device), voxel, chunk, level, least
    )

    def evaluate(stage: str, reach: int = 0) -> None:
        total = lattice.wanted()
        while left := lattice.wanted():
            tell(stage, 1.0 - left / total)
            lattice.give(at_lattice(lattice.take(chunk)), reach)

    size = torch.from_numpy(cubes).to(lattice.device)
    lattice.put(*_cells_near_surface(at_lattice, size, voxel, level, lipschitz, tell), _BLOCK)
    # Few points settle many, so that few of the rest are left; all that are far from the surface, at the end.
    for stride, every_other, reach in [(4, False, 4), (2, False, 2), (1, True, 1), (1, False, 0)]:
        lattice.want_unsettled(stride, every_other)
        evaluate("evaluating the field near the surface", reach)
    lattice.want_frontier()
    while lattice.wanted():
        evaluate("following the surface")
        lattice.want_frontier()
    tell("marching cubes", 0.0)
    vertices, faces = lattice.extract()
    tell("marching cubes", 1.0)
    return low, vertices.cpu().numpy(), faces.cpu().numpy()


class _LatticeField:
    """The field at lattice points: positions follow from the integers, so a point is one in every call."""

    def __init__(
        self,
        field: Callable[[Tensor], Tensor],
        device: torch.device,
        low: Tensor,
        voxel: float,
        chunk: int,
        level: float,
        least: float,
    ) -> None:
        self.field, self.device, self.low, self.voxel, self.chunk = field, device, low, voxel, chunk
        self.level, self.least = level, least

    def __call__(self, points: Tensor) -> Tensor:
        """Values float32 [k] of lattice points [k, 3], where the points are."""
        values = torch.empty(points.shape[0], device=points.device)
        for start in range(0, points.shape[0], self.chunk):
            part = slice(start, start + self.chunk)
            positions = (self.low + points[part].double() * self.voxel).float().to(self.device)
            values[part] = self.field(positions).detach().reshape(-1).float().to(points.device)
            wrong = ~torch.isfinite(values[part])
            if wrong.any():
                worst = int(wrong.nonzero()[0])
                raise ValueError(
                    f"extract_level_set: the field is {values[part][worst].item()} at "
                    f"{positions[worst].tolist()} (one of {int(wrong.sum())} such points of "
                    f"{len(positions)}); has the fit diverged?"
                )
        if self.least > 0.0:
            off = values - self.level
            moved = torch.where(off >= 0.0, off.clamp(min=self.least), off.clamp(max=-self.least))
            values = self.level + moved
        return values


def _cells_near_surface(
    at_lattice: _LatticeField,
    cubes: Tensor,
    voxel: float,
    level: float,
    lipschitz: float,
    tell: Callable[[str, float], None],
) -> tuple[Tensor, Tensor]:
    """The middles [k, 3] of the blocks that the surface may touch, and the values there [k]."""
    size = _BLOCK
    while int(cubes.max()) > _COARSE_CELLS * size:
        size *= 2
    coarsest = size
    # The coarsest cells [k, 3], and what one of them is divided into [8, 3].
    cells = torch.cartesian_prod(*[torch.arange(-(-int(n) // size)) for n in cubes]).to(cubes.device)
    children = torch.cartesian_prod(*[torch.arange(2)] * 3).to(cubes.device)
    while True:
        tell("looking for the surface", 1.0 - math.log2(size / _BLOCK + 1) / math.log2(coarsest / _BLOCK + 2))
        low = cells * size
        # Cells at the far border are cut off by it, and their middles moved in: the field is not asked
        # outside of the lattice.
        middles = (low + torch.minimum(low + size, cubes)) // 2
        values = at_lattice(middles)
        # Not "<=", so that an infinite Lipschitz constant times anything keeps all.
        keep = ~((values - level).abs() > lipschitz * 0.5 * math.sqrt(3.0) * size * voxel)
        if size == _BLOCK:
            return middles[keep], values[keep]
        cells = cells[keep]
        size //= 2
        cells = (2 * cells[:, None] + children).reshape(-1, 3)
        cells = cells[(cells * size < cubes).all(dim=1)]
