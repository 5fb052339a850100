"""What is taken away from an extracted mesh: stray pieces, and triangles without area."""

from __future__ import annotations

import numpy as np
import trimesh
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from neurfield.errors import UserError


def keep_components(mesh: trimesh.Trimesh, which: str | float) -> trimesh.Trimesh:
    """The mesh without the connected pieces that `which` leaves out; colours stay, the input is not changed.

    Args:
        which: "all"; "largest", the piece of the largest area; or a fraction from 0 to 1: pieces of at least
            this share of the whole area.

    Raises:
        UserError: `which` is none of these.
    """
    if which == "all" or not len(mesh.faces):
        return mesh
    piece = vertex_components(len(mesh.vertices), mesh.edges_unique)[mesh.faces[:, 0]]  # [f]
    areas = np.bincount(piece, weights=mesh.area_faces)
    if which == "largest":
        kept = np.arange(len(areas)) == areas.argmax()
    else:
        kept = areas >= _fraction(which) * areas.sum()
    return with_faces(mesh, kept[piece])


def remove_degenerate_faces(mesh: trimesh.Trimesh, tolerance: float = 0.0) -> trimesh.Trimesh:
    """The mesh with every edge not longer than `tolerance` shrunk to a point, and its faces gone.

    Marching cubes makes such faces where the field has exactly its level at a corner. Shrinking keeps a
    closed mesh closed, where dropping the faces alone would tear it. The input is not changed.
    """
    edges = mesh.edges_unique
    short = edges[mesh.edges_unique_length <= tolerance]
    if not len(short):
        return mesh
    group = vertex_components(len(mesh.vertices), short)
    _, first = np.unique(group, return_index=True)  # a vertex to stand for each group
    result = mesh.copy()
    result.faces = first[group[mesh.faces]]
    a, b, c = result.faces.T
    return with_faces(result, (a != b) & (b != c) & (c != a))


def vertex_components(n_vertices: int, edges: np.ndarray) -> np.ndarray:
    """A number for each vertex, the same for those joined by edges."""
    graph = coo_matrix((np.ones(len(edges), dtype=bool), edges.T), shape=(n_vertices, n_vertices))
    return connected_components(graph, directed=False)[1]


def with_faces(mesh: trimesh.Trimesh, kept: np.ndarray) -> trimesh.Trimesh:
    result = mesh.copy()
    result.update_faces(kept)
    result.remove_unreferenced_vertices()
    return result


def _fraction(which: str | float) -> float:
    try:
        fraction = float(which)
    except ValueError:
        fraction = -1.0
    if not 0.0 <= fraction <= 1.0:
        raise UserError(
            f"component {which!r}: give all, largest, or the least share of the area, from 0 to 1"
        )
    return fraction
