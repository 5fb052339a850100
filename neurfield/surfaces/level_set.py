"""A field's level set as a welded mesh, asked for only where the surface can be."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from neurfield.ops.level_set import level_set
from neurfield.surfaces.bricks import Bricks
from neurfield.surfaces.lattice_field import (
    BLOCK,
    LatticeField,
    Tell,
    cells_near_surface,
    first_look,
    reckoned_slope,
)
from neurfield.surfaces.memory import bricks_within, peak_bytes, resident_bytes

LIPSCHITZ = 1.25  # the slope that is reckoned with
_BOUND_CHUNK = (
    1 << 16
)  # points per call at most where memory is asked for: a network's layers take some kB each


class LevelSetMesh(NamedTuple):
    """A level set, and what it took.

    Attributes:
        vertices: float64 [v, 3] in the box's coordinates.
        faces: int64 [f, 3].
        asked: how many points the field was asked for.
        points: how many the lattice has.
        bricks: in how many parts it was looked at.
        slope: that was reckoned with.
        seconds: from beginning to end.
        peak_bytes: the most that the process has had in memory so far.
    """

    vertices: np.ndarray
    faces: np.ndarray
    asked: int
    points: int
    bricks: int
    slope: float
    seconds: float
    peak_bytes: float


def extract_level_set(
    field: Callable[[Tensor], Tensor],
    box: np.ndarray,
    voxel: float,
    *,
    level: float = 0.0,
    lipschitz: float = LIPSCHITZ,
    chunk: int = 1 << 18,
    progress: Callable[[str, float], None] | None = None,
    device: torch.device | str = "cpu",
    memory: float | None = None,
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

    A field that is steeper than `lipschitz` near its surface, as far as some points of it tell, is reckoned
    with as it is, and a warning says so.

    Where the signs of a cube's corners leave open how the surface goes through it, it goes as that of the
    trilinear field of their values (`neurfield.surfaces.topology`); on a GPU, positive corners across a
    diagonal are kept apart. A value that is the level counts as greater.

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
        memory: bytes that the process may have at most; the lattice is then looked at brick by brick, with
            the same mesh. None: as much as it takes.

    Returns:
        Vertices float64 [v, 3] in the box's coordinates and faces int64 [f, 3]; both empty where there is no
        surface.

    Raises:
        ValueError: the box is empty, the voxel not positive, or the field gives a value that is not finite.
        UserError: the memory does not suffice, with what would.

    Example:
        >>> vertices, faces = extract_level_set(
        ...     lambda points: points.norm(dim=1) - 0.5, np.array([[-1, -1, -1], [1, 1, 1]]), voxel=0.1
        ... )
        >>> len(vertices) - len(faces) // 2  # a closed surface without holes
        2
    """
    made = find_level_set(
        field, box, voxel, level=level, lipschitz=lipschitz, chunk=chunk, progress=progress, device=device,
        memory=memory,
    )  # fmt: skip
    if made.slope > lipschitz:
        warnings.warn(f"extract_level_set: {steep_in_words(made.slope, lipschitz)}", stacklevel=2)
    return made.vertices, made.faces


def steep_in_words(slope: float, lipschitz: float = LIPSCHITZ) -> str:
    """What a field is that is steeper than reckoned with."""
    return (
        f"the field is steeper than a distance: its slope was reckoned with as {slope:.2g} in place of "
        f"{lipschitz:g}, and more points were asked for"
    )


@torch.no_grad()
def find_level_set(
    field: Callable[[Tensor], Tensor],
    box: np.ndarray,
    voxel: float,
    *,
    level: float = 0.0,
    lipschitz: float = LIPSCHITZ,
    chunk: int = 1 << 18,
    progress: Tell | None = None,
    device: torch.device | str = "cpu",
    memory: float | None = None,
) -> LevelSetMesh:
    """As `extract_level_set`, with what it took, and without a warning."""
    started = time.perf_counter()
    resident = resident_bytes()
    if memory is not None:
        chunk = min(chunk, _BOUND_CHUNK)
    low, bricks, at_lattice = _begun(field, box, voxel, level, lipschitz, chunk, progress, device)
    bounds = [(0, bricks.cubes[0])]
    if memory is not None:
        layers = np.bincount(
            bricks.near[0][:, 0].cpu().numpy() // BLOCK, minlength=-(-bricks.cubes[0] // BLOCK)
        )
        bounds = bricks_within(layers, bricks.cubes[0], memory, resident)
    vertices, faces = bricks.surface(bounds)
    vertices *= voxel
    vertices += low
    points = math.prod(n + 1 for n in bricks.cubes)
    return LevelSetMesh(
        vertices, faces, at_lattice.asked, points, len(bounds), bricks.slope / voxel,
        time.perf_counter() - started, peak_bytes(),
    )  # fmt: skip


@torch.no_grad()
def surface_on_lattice(
    field: Callable[[Tensor], Tensor],
    box: np.ndarray,
    voxel: float,
    *,
    level: float = 0.0,
    lipschitz: float = LIPSCHITZ,
    chunk: int = 1 << 18,
    progress: Callable[[str, float], None] | None = None,
    device: torch.device | str = "cpu",
    least: float = 0.0,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """As `extract_level_set`: where the lattice begins [3], vertices in its units [v, 3], faces [f, 3].

    Args are the same, and `least`: values nearer to the level are moved away to it, on their side, so that a
    vertex tells by its coordinates which edge it lies on. On ambiguous faces positive corners are kept apart.
    """
    low, bricks, _ = _begun(field, box, voxel, level, lipschitz, chunk, progress, device, least)
    bricks.trilinear = False
    vertices, faces = bricks.surface([(0, bricks.cubes[0])])
    return low, vertices, faces


def _begun(
    field: Callable[[Tensor], Tensor],
    box: np.ndarray,
    voxel: float,
    level: float,
    lipschitz: float,
    chunk: int,
    progress: Tell | None,
    device: torch.device | str,
    least: float = 0.0,
) -> tuple[np.ndarray, Bricks, LatticeField]:
    """Where the lattice begins, and all that is known after the first look at it."""
    low, high = np.asarray(box, dtype=np.float64).reshape(2, 3)
    if not (np.isfinite([low, high]).all() and (high > low).all() and voxel > 0 and math.isfinite(voxel)):
        raise ValueError(
            f"extract_level_set: need a box with volume and a positive voxel, got {[*low, *high]}, {voxel}"
        )
    cubes = np.maximum(1, np.ceil((high - low) / voxel - 1e-6)).astype(np.int64)
    tell = progress or (lambda stage, fraction: None)
    where = level_set((1, 1, 1), device=device).device  # a GPU for which there are kernels, or the CPU
    size = torch.from_numpy(cubes).to(where)
    at_lattice = LatticeField(
        field, torch.device(device), torch.from_numpy(low).to(where), voxel, chunk, level, least
    )
    look = first_look(at_lattice, size)
    slope = reckoned_slope(at_lattice, size, look, lipschitz)
    near = cells_near_surface(at_lattice, size, look, slope, tell)
    bricks = Bricks(at_lattice, cubes.tolist(), near, slope * voxel, tell, device, True)
    return low, bricks, at_lattice
