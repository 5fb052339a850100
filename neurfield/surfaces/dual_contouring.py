"""The level set of a field with a sign by dual contouring: a vertex a cell, sharp at edges and corners."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from neurfield.ops.cell_vertices import cell_vertices
from neurfield.ops.lattice_keys import find, keys, numbered, points_of
from neurfield.ops.quad_sheets import sides_of, split
from neurfield.surfaces.ambiguous import APART, crossed_faces, groups
from neurfield.surfaces.dual_faces import compact, diagonals, triangles
from neurfield.surfaces.level_set import surface_on_lattice

SignedField = Callable[[Tensor], tuple[Tensor, Tensor]]

_LEAST = 1e-5  # of a voxel: no value is nearer to the level, so that a crossing is never at an edge's end
_BESIDE = 0.02  # cells
_RATIO = 0.1  # of singular values; fitted gradients bend a plane by less
_UNIT = np.eye(3, dtype=np.int64)


class _Crossings(NamedTuple):
    """Crossed edges: their low ends [e, 3], axes [e], and whether the low end is positive [e]."""

    low: np.ndarray
    axis: np.ndarray
    positive: np.ndarray


@torch.no_grad()
def extract_dual_contour(
    field: Callable[[Tensor], Tensor],
    query: SignedField,
    box: np.ndarray,
    voxel: float,
    *,
    level: float = 0.0,
    lipschitz: float = 1.25,
    chunk: int = 1 << 18,
    progress: Callable[[str, float], None] | None = None,
    device: torch.device | str = "cpu",
) -> tuple[np.ndarray, np.ndarray]:
    """Dual contouring over a field known as a function; normals point to greater values (free space).

    The edges that the surface crosses are those of `extract_level_set`, found as sparsely. The field's
    gradient there tells of a tangent plane, and each cell's vertex is where its planes meet
    (`neurfield.ops.cell_vertices`), moved into the cell. So edges and corners are sharp, where marching cubes
    cuts them off, and quads are of one size. A cell that two sheets pass has a vertex for each: edges of the
    mesh have two faces but where the surface leaves the box, and vertices one fan of them.

    Ju et al., Dual Contouring of Hermite Data, SIGGRAPH 2002; a vertex a sheet as in Nielson, Dual Marching
    Cubes, IEEE Visualization 2004.

    Args:
        field: values [k] of points float32 [k, 3] on `device`.
        query: values [k] and gradients [k, 3] of such points.
        box: [2, 3], low and high corner.
        voxel: edge of the cells.
        level: the value of the surface.
        lipschitz: as for `extract_level_set`.
        chunk: points per call.
        progress: is told what goes on, and which fraction of it is done.
        device: where the field is.

    Returns:
        Vertices float64 [v, 3] in the box's coordinates and faces int64 [f, 3]; both empty where there is no
        surface.

    Raises:
        ValueError: as `extract_level_set`.

    Example:
        >>> def query(points):
        ...     distance = points.norm(dim=1)
        ...     return distance - 0.5, points / distance[:, None]
        >>> box = np.array([[-1, -1, -1], [1, 1, 1]])
        >>> vertices, faces = extract_dual_contour(lambda points: query(points)[0], query, box, voxel=0.1)
        >>> len(vertices) - len(faces) // 2  # a closed surface without holes
        2
    """
    low, places, _ = surface_on_lattice(
        field, box, voxel, level=level, lipschitz=lipschitz, chunk=chunk, progress=progress, device=device,
        least=_LEAST * voxel,
    )  # fmt: skip
    if not len(places):
        return np.zeros((0, 3)), np.zeros((0, 3), dtype=np.int64)
    size = np.asarray(box, dtype=np.float64).reshape(2, 3)
    counts = np.maximum(1, np.ceil((size[1] - size[0]) / voxel - 1e-6)).astype(np.int64)

    def points_at(lattice: np.ndarray) -> list[Tensor]:
        points = torch.from_numpy(low + lattice * voxel).float()
        return [part.to(device) for part in points.split(chunk)]

    crossed = _crossed_edges(places)
    values = torch.cat([field(points).reshape(-1).cpu() for points in points_at(crossed.low)])
    crossed = crossed._replace(positive=values.numpy() >= level)
    # A little beside the surface: distances to meshes have no gradient on it.
    beside = places + np.where(crossed.positive, -_BESIDE, _BESIDE)[:, None] * _UNIT[crossed.axis]
    feet, normals = _tangent_planes(beside, [query(points) for points in points_at(beside)], level, voxel)
    vertices, faces = _contoured(crossed, counts, feet, normals)
    return low + vertices * voxel, faces


def _crossed_edges(places: np.ndarray) -> _Crossings:
    """The edges that vertices [v, 3] of marching cubes lie on: along the one coordinate that is not whole."""
    axis = np.abs(places - np.rint(places)).argmax(axis=1)
    low = np.rint(places).astype(np.int64)
    rows = np.arange(len(places))
    low[rows, axis] = np.floor(places[rows, axis]).astype(np.int64)
    return _Crossings(low, axis, np.zeros(len(places), dtype=bool))


def _tangent_planes(
    places: np.ndarray, answers: list[tuple[Tensor, Tensor]], level: float, voxel: float
) -> tuple[np.ndarray, np.ndarray]:
    """Feet [v, 3] in lattice units, and unit normals [v, 3].

    A plane is put where the value and the slope tell, at most half a cell away.
    """
    values = torch.cat([value.reshape(-1) for value, _ in answers]).double().cpu().numpy() - level
    slopes = torch.cat([slope for _, slope in answers]).double().cpu().numpy()
    steep = np.linalg.norm(slopes, axis=1)
    normals = slopes / np.where(steep > 0.0, steep, 1.0)[:, None]
    off = values / np.where(steep > 0.0, steep, np.inf) / voxel
    return places - off.clip(-0.5, 0.5)[:, None] * normals, normals


def _contoured(
    crossed: _Crossings, counts: np.ndarray, feet: np.ndarray, normals: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Vertices [v, 3] in lattice units and faces [f, 3]."""
    b, c = _UNIT[(crossed.axis + 1) % 3], _UNIT[(crossed.axis + 2) % 3]
    # As in `LatticeEdges`; cells around the lattice take part, counted from 1, so that every edge has four.
    around = crossed.low[:, None] - np.stack([b + c, c, np.zeros_like(b), b], axis=1) + 1
    outside = ((around < 1) | (around > counts)).any(axis=(1, 2))
    numbers, quads = numbered(keys(around))
    cells = points_of(numbers)
    edges = np.full((len(cells), 12), -1, dtype=np.int64)  # the crossed ones of each cell
    place = 4 * crossed.axis[:, None] + np.arange(4)
    edges[quads, place] = np.arange(len(quads))[:, None]
    quads, cell = _sheets(quads, cells, crossed)
    # Cells with several sheets: each vertex looks at the edges of its own quads.
    own = edges[cell]
    several = np.flatnonzero(np.bincount(cell, minlength=len(cells))[cell] > 1)
    own[several] = -1
    quad, corner = np.nonzero(np.isin(quads, several))
    own[quads[quad, corner], place[quad, corner]] = quad
    solved = cell_vertices(
        *(torch.from_numpy(array) for array in (cells[cell] - 1, own, feet, normals)),
        ratio=_RATIO,
        slacks=None,
    )
    vertices, ranks, _ = (answer.numpy() for answer in solved)
    quads = np.where(crossed.positive[:, None], quads[:, ::-1], quads)[~outside]
    return compact(vertices, triangles(quads, diagonals(vertices, ranks, quads)))


def _sheets(quads: np.ndarray, cells: np.ndarray, crossed: _Crossings) -> tuple[np.ndarray, np.ndarray]:
    """Quads of vertices, one for each sheet in a cell, and the cell of each vertex.

    On faces with four crossed edges positive corners are kept apart, as marching cubes does. Where the cells
    on both sides join the two sheets again, the edge between them would have four faces: there, negative
    corners are.
    """
    axis, sides = crossed.axis, sides_of(quads, len(cells))
    faces = crossed_faces(quads, axis, sides, cells)
    numbers = keys(crossed.low + 1)
    order = np.argsort(numbers)
    first = order[find(numbers[order], keys(cells[faces.upper]))]
    apart = np.where(crossed.positive[first], APART["0 and 2"], APART["1 and 3"])
    best = split(quads, len(cells), sides, groups(faces, apart, quads, axis, sides, cells))
    shared = _shared(best[0], sides.face, faces.face)
    if shared.any():
        turned = np.where(shared, 3 - apart, apart)
        again = split(quads, len(cells), sides, groups(faces, turned, quads, axis, sides, cells))
        if _shared(again[0], sides.face, faces.face).sum() < shared.sum():
            return again
    return best


def _shared(quads: np.ndarray, face: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Which of the wanted faces [f], of four crossed edges, have but one edge of the mesh through them."""
    place = find(wanted, face)
    quad, side = np.nonzero(place >= 0)
    ends = np.sort(np.stack([quads[quad, side], quads[quad, (side + 1) % 4]], axis=1), axis=1)
    ends = ends[np.argsort(place[quad, side], kind="stable")].reshape(-1, 4, 2)
    return (ends == ends[:, :1]).all(axis=(1, 2))
