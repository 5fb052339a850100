"""What noise tears is mended: small holes are closed where the field has a surface, crumbs are dropped."""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from neurfield.surfaces.crossings import Query
from neurfield.surfaces.dual_faces import compact
from neurfield.surfaces.holes import border_loops

_HOLE = 3.0  # radii of a hole that is closed, in lengths of `size`
_CRUMB = 4.0  # radii of a piece that is dropped
_SHARE = 0.01  # of the whole area; a piece of more is no crumb
_AT_SURFACE = 0.4  # of `size`: closer to the surface, a patch is part of it


def whole(
    vertices: np.ndarray, faces: np.ndarray, query: Query, size: float
) -> tuple[np.ndarray, np.ndarray]:
    """A mesh without crumbs, and without small holes in the field's surface.

    A hole is closed by a fan around its middle where the field is near zero there and half way to the rim: a
    hole of the surface itself stays, as does every longer border.

    Args:
        vertices: [v, 3].
        faces: [f, 3] that turn alike.
        query: distances and unit gradients of points [n, 3].
        size: below which the mesh is not to be believed: a cell, or the noise where that is more.
    """
    faces = _without_crumbs(vertices, faces, size)
    loops = [loop[::-1] for loop in border_loops(faces, len(vertices))]
    loops = [loop for loop in loops if _around(vertices[loop]) < 2.0 * np.pi * _HOLE * size]
    if loops:
        middles = np.array([vertices[loop].mean(axis=0) for loop in loops])
        distances, normals = query(middles)
        middles = middles - distances[:, None] * normals
        owner = np.repeat(np.arange(len(loops)), [len(loop) for loop in loops])
        rims = vertices[np.concatenate(loops)]
        half_way = query(0.5 * (rims + middles[owner]))[0]
        worst = np.maximum(distances, np.bincount(owner, half_way) / np.bincount(owner))
        closed = np.flatnonzero(worst < _AT_SURFACE * size)
        fans = []
        for row, loop in enumerate(loops[k] for k in closed):
            centre = np.full(len(loop), len(vertices) + row)
            fans.append(np.stack([np.roll(loop, -1), loop, centre], axis=1))
        if fans:
            vertices, faces = np.concatenate([vertices, middles[closed]]), np.concatenate([faces, *fans])
    return compact(vertices, faces)


def _around(loop: np.ndarray) -> float:
    """The length of a loop through points [k, 3]."""
    return float(np.linalg.norm(loop - np.roll(loop, 1, axis=0), axis=1).sum())


def _without_crumbs(vertices: np.ndarray, faces: np.ndarray, size: float) -> np.ndarray:
    if not len(faces):
        return faces
    rows, columns = np.repeat(faces[:, 0], 2), faces[:, 1:].reshape(-1)
    graph = coo_matrix((np.ones(len(rows), dtype=bool), (rows, columns)), shape=(len(vertices),) * 2)
    piece = connected_components(graph, directed=False)[1][faces[:, 0]]
    corners = vertices[faces]
    areas = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    total = np.bincount(piece, 0.5 * np.linalg.norm(areas, axis=1))
    crumbs = (total < np.pi * (_CRUMB * size) ** 2) & (total < _SHARE * total.sum())
    return faces[~crumbs[piece]]
