"""Surfaces of unsigned distance fields, open or closed, by the tangent planes that samples tell of."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch

from neurfield.ops.cell_vertices import cell_vertices
from neurfield.ops.dual_lattice import LatticeEdges, edges_between
from neurfield.ops.dual_steps import filtered_quads
from neurfield.ops.lattice_keys import find, keys
from neurfield.ops.quad_sheets import repaired, sides_of, split
from neurfield.surfaces.ambiguous import APART, CrossedFaces, crossed_faces, groups
from neurfield.surfaces.borders import EXACT, snapped_borders
from neurfield.surfaces.crossings import crossings
from neurfield.surfaces.dual_cells import SAMPLES
from neurfield.surfaces.dual_faces import compact, diagonals, triangles
from neurfield.surfaces.torn import whole
from neurfield.surfaces.unsigned import Lattice, NearSurface, UnsignedField
from neurfield.surfaces.winding import consistent_winding

_MOVED = 0.5  # cells that a vertex may be off the surface and is moved onto it
_PUBLISHED = 0.002  # the release's only threshold, of fields in [-1, 1]^3


class UnsignedMesh(NamedTuple):
    """A surface without a sign.

    Attributes:
        vertices: float64 [v, 3] in the box's coordinates.
        faces: int64 [f, 3]; of each piece that has two sides they turn alike, outwards if it is closed.
        noise: by how much the field's distances err, in its lengths: 4 medians of what it says at the feet of
            the samples.
        one_sided: pieces that have no two sides, as a Moebius strip.
    """

    vertices: np.ndarray
    faces: np.ndarray
    noise: float
    one_sided: int


@torch.no_grad()
def extract_dual_mesh(
    query: UnsignedField,
    box: np.ndarray,
    voxel: float,
    *,
    faithful: bool = False,
    chunk: int = 1 << 18,
    progress: Callable[[str, float], None] | None = None,
    device: torch.device | str = "cpu",
) -> UnsignedMesh:
    """The surface where a distance without a sign is 0: closed, open, creased, or sheets that meet.

    Around 0 such fields have no sign to look for, and fitted ones neither reach 0 nor have a gradient there.
    So every cell that the surface may pass looks at 27 samples, those not too close, each of which tells of a
    tangent plane of the surface; the cell's vertex is where these meet (`neurfield.ops.cell_vertices`), sharp
    at edges and corners. Four vertices around an edge of the lattice make a face where the surface crosses
    that edge (`neurfield.surfaces.crossings`). Closed surfaces come out closed, with two faces at every edge,
    and vertices at a border of the surface move onto it. Where sheets cross at an angle to the lattice,
    single edges along the line may stay open. What counts as too close is 0.02 cells, or the noise of the
    field where that is more.

    Zhang et al., Surface Extraction from Neural Unsigned Distance Fields, ICCV 2023. Published, faces are
    made without asking whether the edge is crossed and left out where they do not fit their vertices:
    `faithful`, which leaves one edge in five with other than two faces.

    Args:
        query: distances [k] and gradients [k, 3] of points float32 [k, 3] on `device`; gradients of any
            length.
        box: [2, 3], low and high corner. The lattice begins a fraction of a cell before the low corner
            (`faithful`: there) and ends within a cell behind the high one.
        voxel: edge of the cells; at most 2^20 along an axis.
        faithful: as published, with its threshold of 0.002 in the field's lengths: for fields in [-1, 1]^3.
        chunk: points per call of the field.
        progress: is told what goes on, and which fraction of it is done.
        device: where the field is.

    Raises:
        ValueError: the box is empty, the voxel not positive, the field is negative or not finite, or has no
            gradient anywhere.

    Example:
        >>> def sphere(points):
        ...     distance = points.norm(dim=1, keepdim=True)
        ...     outside = distance - 0.6
        ...     return outside.abs(), points / distance * outside.sign()
        >>> mesh = extract_dual_mesh(sphere, np.array([[-1, -1, -1], [1, 1, 1]]), 0.1)
        >>> len(mesh.vertices) - len(mesh.faces) // 2  # a closed surface without holes
        2
    """
    tell = progress or (lambda stage, fraction: None)
    lattice = Lattice(query, box, voxel, not faithful, chunk, device)
    tell("looking for the surface", 0.0)
    if not faithful:
        lattice.steady()
    near = lattice.near_surface(SAMPLES, 2, _PUBLISHED / voxel if faithful else None)
    tell("meshing", 0.5)
    vertices, faces = _as_published(near, voxel) if faithful else _of_crossings(near, lattice)
    if faithful:
        return UnsignedMesh(lattice.world(vertices), faces, near.noise * voxel, 0)
    tell("borders", 0.8)
    mesh = finished(vertices, faces, lattice, near.noise)
    tell("meshing", 1.0)
    return mesh


def finished(vertices: np.ndarray, faces: np.ndarray, lattice: Lattice, noise: float) -> UnsignedMesh:
    """A mesh whose faces turn alike, its borders where they belong; of a noisy field without small holes.

    Args:
        vertices: [v, 3] in cells.
        faces: [f, 3].
        lattice: asks the field.
        noise: of its distances, in cells.
    """
    if noise > EXACT or lattice.look is not None:
        faces, _ = consistent_winding(vertices, faces)
        size = 1.0 if lattice.look is None else max(1.0, lattice.look.width)
        vertices, faces = whole(vertices, faces, lattice, size)
        vertices = _on_surface(vertices, lattice)
    vertices = snapped_borders(vertices, faces, lattice, noise)
    faces, one_sided = consistent_winding(vertices, faces)
    return UnsignedMesh(lattice.world(vertices), faces, noise * lattice.voxel, one_sided)


def _on_surface(vertices: np.ndarray, lattice: Lattice) -> np.ndarray:
    """Vertices [v, 3] moved to their feet: close to the surface the field errs less than farther off."""
    distances, normals = lattice(vertices)
    feet = vertices - distances[:, None] * normals
    nearer = (lattice(feet)[0] < distances) & (distances < _MOVED)
    return np.where(nearer[:, None], feet, vertices)


def _solved(near: NearSurface, too_close: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Vertices, ranks and directions of the cells."""
    usable = (near.at_feet < too_close) & (near.samples.distances > too_close)
    solved = cell_vertices(
        torch.from_numpy(near.cells),
        torch.from_numpy(np.where(usable[near.of_cells], near.of_cells, -1)),
        torch.from_numpy(near.feet),
        torch.from_numpy(near.samples.normals),
    )
    vertices, ranks, directions = (answer.numpy() for answer in solved)
    return vertices, ranks, directions


def _as_published(near: NearSurface, voxel: float) -> tuple[np.ndarray, np.ndarray]:
    vertices, ranks, directions = _solved(near, _PUBLISHED / voxel)
    quads = edges_between(near.cells).cells
    quads = quads[(ranks[quads] > 0).all(axis=1)]
    fitting, along_02 = filtered_quads(vertices, ranks, directions, quads)
    return compact(vertices, triangles(quads[fitting], along_02[fitting]))


def _of_crossings(near: NearSurface, lattice: Lattice) -> tuple[np.ndarray, np.ndarray]:
    edges = edges_between(near.cells)
    ends = _ends(near, edges)
    count = crossings(near.samples, ends, 0.5, lattice, near.noise)
    sides = sides_of(edges.cells, len(near.cells))
    crossed = repaired(count, sides, near.samples.distances[ends[:, [0, 2]]].sum(axis=1), near.noise)
    quads, axis, ends = edges.cells[crossed], edges.axis[crossed], ends[crossed]
    if not len(quads):
        return np.zeros((0, 3)), np.zeros((0, 3), dtype=np.int64)
    sides = sides_of(quads, len(near.cells))
    faces = crossed_faces(quads, axis, sides, near.cells)
    group = groups(faces, _apart(near, lattice, faces), quads, axis, sides, near.cells)
    quads_of_sheets, cell = split(quads, len(near.cells), sides, group)
    vertices, ranks = (column[cell] for column in _solved(near, max(0.02, near.noise))[:2])
    # Cells without a vertex, and those of which there are several, look at their own crossed edges alone.
    several = np.bincount(cell, minlength=len(near.cells))[cell] > 1
    lacking = np.flatnonzero((ranks == 0) | several)
    vertices[lacking] = _of_edges(near, quads_of_sheets, ends, lacking, near.cells[cell[lacking]])
    ranks[lacking] = 0
    # Seen from above: counter-clockwise, so the normal runs along the axis, as the gradient does above.
    above = near.samples.normals[ends[:, 2], axis] < 0.0
    quads_of_sheets = np.where(above[:, None], quads_of_sheets[:, ::-1], quads_of_sheets)
    return vertices, triangles(quads_of_sheets, diagonals(vertices, ranks, quads_of_sheets))


def _ends(near: NearSurface, edges: LatticeEdges) -> np.ndarray:
    """The samples at the low end, the middle and the high end of lattice edges [e, 3]."""
    own = np.array(
        [[find(keys(SAMPLES), keys(step * unit)) for step in range(3)] for unit in np.eye(3, dtype=np.int64)]
    )
    return near.of_cells[edges.cells[:, 2][:, None], own[edges.axis]]


def _apart(near: NearSurface, lattice: Lattice, faces: CrossedFaces) -> np.ndarray:
    """Which corners of faces two sheets cut off [f], values of `APART`.

    The middle of the face tells: opposite corners that nothing cuts off from it are one region with it, and
    each of the other two is cut off by its two edges. Where that is not so, as where sheets cross, all is
    one.
    """
    place = find(keys(SAMPLES), keys(faces.corners(2)))
    centre = find(keys(SAMPLES), keys(faces.corners(1)[:, 2]))
    corners, middle = near.of_cells[faces.upper[:, None], place], near.of_cells[faces.upper, centre]
    spokes = np.stack([corners.reshape(-1), np.repeat(middle, 4)], axis=1)
    cut = crossings(near.samples, spokes, np.sqrt(0.5), lattice, near.noise).reshape(-1, 4) > 0
    odd = ~cut[:, 0] & ~cut[:, 2] & cut[:, 1] & cut[:, 3]
    even = ~cut[:, 1] & ~cut[:, 3] & cut[:, 0] & cut[:, 2]
    return np.where(odd, APART["1 and 3"], np.where(even, APART["0 and 2"], APART["none"]))


def _of_edges(
    near: NearSurface, quads: np.ndarray, ends: np.ndarray, chosen: np.ndarray, cells: np.ndarray
) -> np.ndarray:
    """Vertices [k, 3] in their cells, from the samples at the ends of the edges whose quads have them."""
    wanted = np.zeros(quads.max(initial=-1) + 1, dtype=bool)
    wanted[chosen] = True
    corner = np.flatnonzero(wanted[quads.reshape(-1)])
    vertex = quads.reshape(-1)[corner]
    order = np.argsort(vertex, kind="stable")
    corner, vertex = corner[order], vertex[order]
    start = np.searchsorted(vertex, chosen)
    nth = np.arange(len(vertex)) - start[np.searchsorted(chosen, vertex)]
    rows = np.full((len(chosen), 2 * (nth.max(initial=-1) + 1)), -1, dtype=np.int64)
    place = np.searchsorted(chosen, vertex)
    rows[place, 2 * nth], rows[place, 2 * nth + 1] = ends[corner // 4, 0], ends[corner // 4, 2]
    return cell_vertices(
        torch.from_numpy(cells), torch.from_numpy(rows), torch.from_numpy(near.feet),
        torch.from_numpy(near.samples.normals), slacks=None,
    )[0].numpy()  # fmt: skip
