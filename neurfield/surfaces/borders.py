"""Where an open surface ends: vertices of the border are moved onto the field's own border."""

from __future__ import annotations

import numpy as np

from neurfield.ops.mesh_turning import border_vertices
from neurfield.surfaces.holes import border_edges
from neurfield.surfaces.unsigned import Lattice

# Cells, or widths of the noise, from which the border is looked back at, further where it was not seen.
_AHEAD = (1.5, 2.5, 3.5)
EXACT = 0.05  # cells: noise up to it leaves borders that are lines; of more, they are smoothed
_STEPS = 5
_CLEAR = 0.3  # cells, distance there: less, and the surface goes on


def snapped_borders(vertices: np.ndarray, faces: np.ndarray, lattice: Lattice, noise: float) -> np.ndarray:
    """Vertices [v, 3] in cells, those at edges of one face moved to where the surface ends.

    A point ahead of the border, in the surface's direction, has its foot on the border: the end of cells at
    random places becomes a line along it. Where the surface goes on ahead, as at the box's walls, nothing is
    moved.

    Args:
        vertices: [v, 3] in cells.
        faces: [f, 3].
        lattice: asks the field.
        noise: of distances, in cells.
    """
    border = border_vertices(faces, len(vertices))
    waiting = np.flatnonzero(border)
    vertices = vertices.copy()
    directions = _away(vertices, faces[border[faces].any(axis=1)])[waiting]
    far = max(1.0, lattice.look.width) if lattice.look is not None else 1.0
    ending = _ends(vertices, waiting, directions, far, lattice)
    for ahead in far * np.array(_AHEAD):
        # The first look tells in which direction the border is straight ahead, the second looks there.
        _, straight, _ = _border(vertices[waiting], directions, ahead, lattice, noise)
        feet, _, good = _border(vertices[waiting], straight, ahead, lattice, noise)
        vertices[waiting[good]] = feet[good]
        waiting, directions = waiting[~good], directions[~good]
    if noise > EXACT or lattice.look is not None:
        _smooth(vertices, np.stack(border_edges(faces, len(vertices)), axis=1), ending)
    return vertices


def _ends(
    vertices: np.ndarray, rows: np.ndarray, directions: np.ndarray, far: float, lattice: Lattice
) -> np.ndarray:
    """Those of the rows of vertices ahead of which there is no surface."""
    ahead = lattice(vertices[rows] + far * _AHEAD[0] * directions)[0]
    return rows[directions.any(axis=1) & (ahead > _CLEAR * far)]


def _smooth(vertices: np.ndarray, edges: np.ndarray, rows: np.ndarray) -> None:
    """Move vertices of a border towards the middles of their neighbours on it, as MeshUDF does."""
    ends = np.concatenate([edges, edges[:, ::-1]])
    count = np.bincount(ends[:, 0], minlength=len(vertices))
    rows = rows[count[rows] >= 2]
    for _ in range(_STEPS):
        sums = [
            np.bincount(ends[:, 0], vertices[ends[:, 1], k], minlength=len(vertices))[rows] for k in range(3)
        ]
        vertices[rows] += 0.5 * (np.stack(sums, axis=1) / count[rows, None] - vertices[rows])


def _border(
    places: np.ndarray, directions: np.ndarray, ahead: float, lattice: Lattice, noise: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The border [k, 3] as points ahead see it, the directions in which it lies, and whether there is one."""
    points = places + ahead * directions
    distances, normals = lattice(points)
    feet = points - distances[:, None] * normals
    way = feet - places
    good = directions.any(axis=1) & (distances > max(_CLEAR, noise)) & (np.linalg.norm(way, axis=1) <= ahead)
    good &= (lattice(feet)[0] < max(0.05, noise)) & ((way * directions).sum(axis=1) > -0.1)
    return feet, np.where(good[:, None], normals, 0.0), good


def _away(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """The direction [v, 3] to each vertex from the middle of its faces; 0 where it has none, or no area."""
    corners = vertices[faces]
    areas = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    moments = areas[:, None] * corners.mean(axis=1)
    index = faces.reshape(-1)
    total = np.bincount(index, np.repeat(areas, 3), minlength=len(vertices))
    middles = np.stack(
        [np.bincount(index, np.repeat(m, 3), minlength=len(vertices)) for m in moments.T], axis=1
    )
    away = vertices - middles / np.maximum(total, 1e-12)[:, None]
    length = np.linalg.norm(away, axis=1, keepdims=True)
    return np.where((length > 0.05) & (total[:, None] > 1e-6), away / np.maximum(length, 1e-12), 0.0)
