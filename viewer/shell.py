"""Whether a mesh is a room, to be looked into from outside, and fewer triangles for one that is too large."""

from __future__ import annotations

import numpy as np

from neurfield.report.pictures import solid_box
from neurfield.scenes.synthesis.raycast import RayCaster
from neurfield.viewer.layers import Triangles, unit

_RAYS = 2000
_BACKS = 0.6  # of what is seen from outside: more of a shell turns its back, a scan from one side a half
_FRONTS = 0.5  # of the rays from the middle: a room is around it


def is_room(triangles: Triangles) -> bool:
    """Whether a mesh is a shell that is seen from within, as a room's: a doll's house from outside.

    Normals point into free space. So from all around a room shows backs, from its middle fronts; a thing
    shows fronts from all around, a scan from one side, or a leaf, as many of both.
    """
    if not len(triangles.faces):
        return False
    used = triangles.vertices[np.unique(triangles.faces)]
    low, high = solid_box(used)
    middle, half = (low + high) / 2, float(np.linalg.norm(high - low)) / 2
    if not half > 0:
        return False
    rng = np.random.default_rng(0)
    caster = RayCaster((triangles.vertices - middle) / half, triangles.faces)
    directions = unit(rng.normal(size=(_RAYS, 3))).astype(float)
    inwards = rng.uniform(-0.5, 0.5, (_RAYS, 3)) * (high - low) / half
    outside = _sides(caster, triangles, inwards + 4.0 * directions, -directions)
    within = _sides(caster, triangles, 0.3 * inwards, directions)
    seen = outside != 0
    if seen.sum() < _RAYS / 20:
        return False
    return bool((outside[seen] < 0).mean() > _BACKS and (within > 0).mean() > _FRONTS)


def _sides(
    caster: RayCaster, triangles: Triangles, origins: np.ndarray, directions: np.ndarray
) -> np.ndarray:
    """What rays [k, 3] meet: 1 a front, -1 a back, 0 nothing."""
    face = caster.first_hits(origins, directions).face
    corners = triangles.vertices[triangles.faces[face]].astype(float)
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    return np.where(face >= 0, -np.sign(np.einsum("ki,ki->k", across, directions)), 0.0)


def fewer(triangles: Triangles, most: int) -> Triangles:
    """A surface with about `most` faces at most, to be looked at: vertices of a cell become one.

    Cells are as large as the area asks for (Rossignac and Borrel 1993). It is made for the eye alone:
    `neurfield mesh --faces` makes fewer triangles that keep the surface.
    """
    if len(triangles.faces) <= most:
        return triangles
    across = _across(triangles.vertices, triangles.faces)
    area = 0.5 * float(np.linalg.norm(across, axis=1).sum(dtype=float))
    cell = float(np.sqrt(2.5 * area / most)) or float(np.ptp(triangles.vertices)) / 100
    while True:
        smaller = _clustered(triangles, cell)
        if len(smaller.faces) <= most:
            return smaller
        cell *= 1.2


def _clustered(triangles: Triangles, cell: float) -> Triangles:
    """Vertices within a cell of a lattice become one in their middle; faces that lose a side are dropped."""
    places = np.floor((triangles.vertices - triangles.vertices.min(axis=0)) / cell).astype(np.int64)
    wide, deep = places[:, 1].max() + 1, places[:, 2].max() + 1
    _, cluster = np.unique((places[:, 0] * wide + places[:, 1]) * deep + places[:, 2], return_inverse=True)
    faces = cluster[triangles.faces]
    whole = (faces[:, 0] != faces[:, 1]) & (faces[:, 1] != faces[:, 2]) & (faces[:, 2] != faces[:, 0])
    count = np.bincount(cluster)

    def mean(values: np.ndarray) -> np.ndarray:
        return np.stack([np.bincount(cluster, values[:, k]) / count for k in range(3)], axis=1)

    vertices = mean(triangles.vertices).astype(np.float32)
    # A sliver that was turned over would be a hole in a doll's house, and a spot elsewhere.
    kept = faces[whole]
    same = (
        np.einsum("fi,fi->f", _across(vertices, kept), _across(triangles.vertices, triangles.faces[whole]))
        > 0
    )
    faces = np.unique(_least_first(kept[same]), axis=0) if same.any() else faces[:0]
    colors = None if triangles.colors is None else (mean(triangles.colors) + 0.5).astype(np.uint8)
    return Triangles(
        vertices,
        np.ascontiguousarray(faces, np.int32),
        unit(mean(triangles.normals)),
        colors,
        triangles.scale,
        triangles.lit,
        None if triangles.opacity is None else (np.bincount(cluster, triangles.opacity) / count).astype("f4"),
    )


def _across(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Normals [f, 3] of faces, as long as twice their areas."""
    first, second, third = (vertices[faces[:, k]] for k in range(3))
    return np.cross(second - first, third - first)


def _least_first(faces: np.ndarray) -> np.ndarray:
    """Faces [f, 3] that begin with their least corner and turn as before."""
    first = faces.argmin(axis=1)
    return np.take_along_axis(faces, (first[:, None] + np.arange(3)) % 3, axis=1)
