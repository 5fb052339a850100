"""How a mesh hangs together, in numbers."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import trimesh

from neurfield.surfaces.clean import vertex_components


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
    keys = edge_keys(faces, n).reshape(-1)
    keys.sort()
    first = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]]))
    uses = np.diff(first, append=len(keys))
    piece = vertex_components(n, np.concatenate([faces[:, :2], faces[:, 1:]]))
    components = len(np.unique(piece[used]))
    return Manifoldness(
        int((uses == 1).sum()), int((uses > 2).sum()), components, int(used.sum()) - len(first) + len(faces)
    )


def edge_keys(faces: np.ndarray, n_vertices: int) -> np.ndarray:
    """A number [f, 3] for the edge behind each corner of faces [f, 3], the same from both sides."""
    ends = faces[:, [1, 2, 0]]
    return np.minimum(faces, ends).astype(np.int64) * n_vertices + np.maximum(faces, ends)
