"""Fewer triangles: vertices are moved onto neighbours, the cheapest first."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch

from neurfield.ops import native
from neurfield.ops.reference import edge_collapse as reference

MOST_ATTRIBUTES = 3  # a vertex
_BORDER = 10.0  # how much leaving a border's plane weighs beside leaving a face's
_LENGTH = 1e-8  # what a move's square length costs: of moves that cost nothing else the shortest come first
_STEEPEST = 0.2  # the least cosine between a face's normal before and after


class Collapsed(NamedTuple):
    """Faces int64 [f', 3] of the vertices that were given, and the highest cost that was paid, a length."""

    faces: np.ndarray
    error: float


def collapse_edges(
    vertices: np.ndarray,
    faces: np.ndarray,
    target: int = 0,
    error: float = float("inf"),
    attributes: np.ndarray | None = None,
    locked: np.ndarray | None = None,
) -> Collapsed:
    """Triangles made fewer by moving vertices onto neighbours, in rounds of those that are independent.

    What a move costs is the root mean square of distances, over the area of all faces that came to the moved
    vertex: to their planes, and of the attributes to what the faces had there (Garland and Heckbert, Surface
    simplification using quadric error metrics, SIGGRAPH 1997; Hoppe, New quadric metric for simplifying
    meshes with appearance attributes, Visualization 1999, section 3). Planes on the edges of borders hold
    these.

    The mesh hangs together as before (the link condition of Dey et al. 1999): pieces, borders and handles
    stay, and no edge gets a third face; no face turns over. Vertices at edges of more than two faces stay.
    The result does not depend on the number of threads.

    Args:
        vertices: [v, 3].
        faces: int64 [f, 3].
        target: stop once so many faces are left.
        error: or where a move would cost more than this length.
        attributes: [v, k], at most 3 a vertex, as lengths: an error of so much in one counts as much as a
            surface moved by it.
        locked: bool [v], vertices that stay.

    Raises:
        ValueError: a face has a vertex that there is not, or too many attributes.
    """
    places = np.ascontiguousarray(vertices, dtype=np.float64)
    count = len(places)
    if faces.size and not (faces.min() >= 0 and faces.max() < count):
        raise ValueError(f"faces must be of vertices 0 to {count - 1}")
    values = (
        np.zeros((count, 0)) if attributes is None else np.ascontiguousarray(attributes, dtype=np.float64)
    )
    if values.shape[1] > MOST_ATTRIBUTES:
        raise ValueError(f"{values.shape[1]} attributes: at most {MOST_ATTRIBUTES}")
    held = np.zeros(count, dtype=bool) if locked is None else np.ascontiguousarray(locked, dtype=bool)
    most = min(error, 1e150) ** 2
    corners = torch.from_numpy(np.array(faces, dtype=np.int32, order="C"))
    kernels = native.kernels(corners, needs="surface_collapse_edges")
    if kernels is None:
        left, paid = reference.collapse_edges(
            places, np.asarray(faces, dtype=np.int64), values, held, target, most, _BORDER, _LENGTH, _STEEPEST
        )
        return Collapsed(left, paid**0.5)
    rows, paid = kernels.surface_collapse_edges(
        torch.from_numpy(places), corners, torch.from_numpy(values), torch.from_numpy(held.view(np.uint8)),
        target, most, _BORDER, _LENGTH, _STEEPEST,
    )  # fmt: skip
    return Collapsed(corners[:rows].numpy().astype(np.int64), paid**0.5)
