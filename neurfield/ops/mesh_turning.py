"""What the edges of triangles tell: where a mesh ends, and how faces are turned alike."""

from __future__ import annotations

import numpy as np
import torch

from neurfield.ops import native
from neurfield.ops.arrays import tensor_of
from neurfield.ops.reference import mesh_turning as reference


def border_vertices(faces: np.ndarray, count: int) -> np.ndarray:
    """Which of `count` vertices lie on an edge that one of the faces alone has, bool [count].

    Args:
        faces: int64 [f, 3].
        count: of the vertices.

    Raises:
        ValueError: a face has a vertex that there is not.
    """
    _check(faces, count)
    given = tensor_of(faces)
    kernels = native.kernels(given, needs="surface_border_vertices")
    if kernels is None:
        return reference.border_vertices(faces, count)
    border = np.zeros(count, dtype=np.uint8)
    kernels.surface_border_vertices(given, torch.from_numpy(border))
    return border.view(bool)


def faces_to_turn(vertices: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, int]:
    """Which faces are to be turned over so that those of a piece turn alike, and outwards if it is closed.

    A piece are faces that hang together by edges of two faces.

    Args:
        vertices: float64 [v, 3].
        faces: int64 [f, 3].

    Returns:
        bool [f], and how many pieces have no two sides, of which nothing is turned.

    Raises:
        ValueError: a face has a vertex that there is not.
    """
    _check(faces, len(vertices))
    given = tensor_of(faces)
    kernels = native.kernels(given, needs="surface_turn_faces")
    if kernels is None:
        return reference.faces_to_turn(vertices, faces)
    over = np.empty(len(faces), dtype=np.uint8)
    places = tensor_of(vertices, np.float64)
    one_sided = kernels.surface_turn_faces(places, given, torch.from_numpy(over))
    return over.view(bool), one_sided


def _check(faces: np.ndarray, count: int) -> None:
    if faces.size and not (faces.min() >= 0 and faces.max() < count):
        raise ValueError(f"faces must be of vertices 0 to {count - 1}")
