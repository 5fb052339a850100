"""Where an open surface ends: vertices of the border are moved onto the field's own border."""

from __future__ import annotations

import numpy as np

from neurfield.ops.mesh_turning import border_vertices
from neurfield.surfaces.unsigned import Lattice

_AHEAD = (1.5, 2.5, 3.5)  # cells, from which the border is looked back at, further where it was not seen
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
    for ahead in _AHEAD:
        # The first look tells in which direction the border is straight ahead, the second looks there.
        _, straight, _ = _border(vertices[waiting], directions, ahead, lattice, noise)
        feet, _, good = _border(vertices[waiting], straight, ahead, lattice, noise)
        vertices[waiting[good]] = feet[good]
        waiting, directions = waiting[~good], directions[~good]
    return vertices


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
