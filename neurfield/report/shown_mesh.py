"""A mesh with few enough triangles for a page, with the colours of the many.

Collapsing edges knows shapes alone: it makes two triangles of a floor and loses the carpet. So colours are
made shapes first: each vertex is lifted along its normal by its brightness, the lifted mesh is decimated, and
every vertex that is left goes back to the nearest one of before, with that one's place and colour.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import trimesh
from scipy.spatial import cKDTree

from neurfield.report.shade import vertex_colors_of, vertex_normals
from neurfield.surfaces import decimate

_LIFT = 2.5  # mean edge lengths between black and white
_LUMA = np.array([0.299, 0.587, 0.114])
_CREASE = np.cos(np.radians(40.0))  # faces that meet more sharply are not smoothed into each other


@dataclass(frozen=True)
class ShownMesh:
    """Triangles to be drawn.

    Attributes:
        vertices: float64 [v, 3], world.
        faces: int64 [f, 3], normals into free space.
        colors: uint8 [v, 3] sRGB, or None.
    """

    vertices: np.ndarray
    faces: np.ndarray
    colors: np.ndarray | None


def shown_mesh(mesh: trimesh.Trimesh, most_faces: int) -> ShownMesh:
    """The mesh with about so many triangles at most; its vertices are some of the mesh's own.

    Raises:
        UserError: as `neurfield.surfaces.decimate`.
    """
    vertices, faces = np.asarray(mesh.vertices, np.float64), np.asarray(mesh.faces, np.int64)
    shades = vertex_colors_of(mesh)
    colors = None if shades is None else np.rint(shades * 255.0).astype(np.uint8)
    if len(faces) > most_faces:
        normals, edge = _normals(vertices, faces)
        lifted = (
            vertices if shades is None else vertices + (_LIFT * edge * (shades @ _LUMA))[:, None] * normals
        )
        small = decimate(trimesh.Trimesh(lifted, faces, process=False), most_faces)
        tree = cKDTree(lifted, compact_nodes=False, balanced_tree=False)
        faces = tree.query(np.asarray(small.vertices))[1][np.asarray(small.faces)]
        faces = faces[_kept(vertices, normals, faces)]
    used, corners = np.unique(faces, return_inverse=True)
    return ShownMesh(vertices[used], corners.reshape(-1, 3), None if colors is None else colors[used])


def _normals(vertices: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, float]:
    """Units [v, 3], and the mean length of an edge."""
    edges = vertices[faces[:, 1]] - vertices[faces[:, 0]]
    across = np.cross(edges, vertices[faces[:, 2]] - vertices[faces[:, 0]])
    normals = vertex_normals(faces, across, len(vertices))
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-300)
    return normals, float(np.linalg.norm(edges, axis=1).mean())


def _kept(vertices: np.ndarray, normals: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Which faces [f] are triangles that did not turn over when their vertices went back: bool [f]."""
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    return np.einsum("fi,fi->f", np.cross(b - a, c - a), normals[faces].sum(axis=1)) > 0


def corner_normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """A normal at each corner of each face: float32 [f, 3, 3], unit.

    It is the sum of those of the faces around the vertex, by area, without those that meet the face at a
    crease: a wall stays flat up to its edge, however large its triangles are.
    """
    a, b, c = (vertices[faces[:, k]].astype(np.float64) for k in range(3))
    sums = np.cross(b - a, c - a)
    units = (sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-300)).astype(np.float32)
    sums = (sums / max(float(np.abs(sums).max(initial=0.0)), 1e-300)).astype(np.float32)
    around = np.argsort(faces.ravel(), kind="stable")  # corners, vertex by vertex
    counts = np.bincount(faces.ravel())
    starts = np.cumsum(counts) - counts
    total = np.zeros((faces.size, 3), np.float32)
    # All corners meet the k-th corner of their vertex at once.
    own = counts[faces.ravel()]
    for k in range(int(counts.max(initial=0))):
        here = np.flatnonzero(own > k)
        other = around[starts[faces.ravel()[here]] + k] // 3
        smooth = np.einsum("ki,ki->k", units[here // 3], units[other]) > _CREASE
        total[here[smooth]] += sums[other[smooth]]
    lengths = np.linalg.norm(total, axis=1, keepdims=True)
    flat = np.repeat(units, 3, axis=0)
    return np.where(lengths > 0, total / np.maximum(lengths, 1e-30), flat).reshape(-1, 3, 3)
