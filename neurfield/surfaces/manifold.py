"""How a mesh hangs together, in numbers."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import trimesh
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

_ROWS = 1 << 18  # of faces at once


class Manifoldness(NamedTuple):
    """What tells whether a mesh is a surface, and which.

    Attributes:
        border_edges: edges of one face.
        crowded_edges: edges of more than two faces; none in a manifold.
        components: pieces that hang together by their faces' edges.
        euler: vertices - edges + faces; 2 for a sphere, 0 for a torus, less for each handle and each hole.
    """

    border_edges: int
    crowded_edges: int
    components: int
    euler: int

    @property
    def words(self) -> str:
        """A line for people."""
        pieces = "1 piece" if self.components == 1 else f"{self.components:,} pieces"
        if not self.border_edges and not self.crowded_edges:
            edges = "closed: every edge has two faces"
        else:
            edges = f"{self.border_edges:,} edges of one face, {self.crowded_edges:,} of more than two"
        return f"{pieces}, {edges}; Euler number {self.euler}"


def manifoldness(mesh: trimesh.Trimesh) -> Manifoldness:
    """Counts edges by their faces, pieces, and the Euler number, over the vertices that faces use."""
    faces, n = np.asarray(mesh.faces), len(mesh.vertices)
    if not len(faces):
        return Manifoldness(0, 0, 0, 0)
    used = np.zeros(n, dtype=bool)
    used[faces.reshape(-1)] = True
    one, two, edges = _uses(faces, n)
    components = _pieces(faces, n) - int((~used).sum())
    return Manifoldness(one, edges - one - two, components, int(used.sum()) - edges + len(faces))


def _uses(faces: np.ndarray, n_vertices: int) -> tuple[int, int, int]:
    """How many edges have one face, how many two, and how many there are; a large mesh is not copied."""
    keys = np.empty((len(faces), 3), dtype=np.int64)
    for start in range(0, len(faces), _ROWS):
        keys[start : start + _ROWS] = edge_keys(faces[start : start + _ROWS], n_vertices)
    flat = keys.reshape(-1)
    flat.sort()
    new = np.ones(len(flat) + 1, dtype=bool)
    np.not_equal(flat[1:], flat[:-1], out=new[1:-1])
    one = int((new[:-1] & new[1:]).sum())
    two = int((new[:-2] & ~new[1:-1] & new[2:]).sum())
    return one, two, int(new.sum()) - 1


def _pieces(faces: np.ndarray, n_vertices: int) -> int:
    """How many pieces vertices make that hang together by faces; one of no face is a piece.

    Some faces at a time join the pieces of those before them, so that little is in memory beside the mesh.
    """
    parent = np.arange(n_vertices, dtype=np.int32 if n_vertices < 1 << 31 else np.int64)
    for start in range(0, len(faces), _ROWS):
        roots = parent[faces[start : start + _ROWS]]
        while not np.array_equal(above := parent[roots], roots):
            roots = above
        there, node = np.unique(roots, return_inverse=True)
        node = node.reshape(-1, 3)
        rows, columns = node[:, :2].reshape(-1), node[:, 1:].reshape(-1)
        graph = coo_matrix((np.ones(len(rows), dtype=bool), (rows, columns)), shape=(len(there),) * 2)
        piece = connected_components(graph, directed=False)[1]
        _, first = np.unique(piece, return_index=True)
        parent[there] = there[first][piece]
    return int((parent == np.arange(n_vertices)).sum())


def edge_keys(faces: np.ndarray, n_vertices: int) -> np.ndarray:
    """A number [f, 3] for the edge behind each corner of faces [f, 3], the same from both sides."""
    ends = faces[:, [1, 2, 0]]
    return np.minimum(faces, ends).astype(np.int64) * n_vertices + np.maximum(faces, ends)
