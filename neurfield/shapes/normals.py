"""How much surface the points of a cloud stand for, and triangles as large."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from neurfield.shapes.estimate import threads


def areas_of(points: np.ndarray, neighbours: int = 8, tree: cKDTree | None = None) -> np.ndarray:
    """How much surface [N] each of points [N, 3] stands for: a disc to its neighbours, shared by them.

    Args:
        points: float64.
        neighbours: of each.
        tree: of the points, where there is one already.
    """
    count = min(neighbours, len(points) - 1)
    distance, _ = (tree or cKDTree(points)).query(points, count + 1, workers=threads())
    return np.pi * distance[:, -1] ** 2 / count


def surfels(points: np.ndarray, normals: np.ndarray, areas: np.ndarray) -> np.ndarray:
    """Triangles [N, 3, 3] of these areas [N] around points [N, 3], across normals [N, 3], turned as they are.

    Their solid angles are what Barill et al. (2018, section 4.1) sum over points, and finite beside them.
    """
    rest = np.where(np.abs(normals[:, :1]) < 0.6, [[1.0, 0.0, 0.0]], [[0.0, 1.0, 0.0]])
    u = np.cross(normals, rest)
    u /= np.linalg.norm(u, axis=1, keepdims=True)
    v = np.cross(normals, u)
    reach = np.sqrt(areas * 4.0 / (3.0 * np.sqrt(3.0)))[:, None]
    turns = 2.0 * np.pi * np.arange(3) / 3.0
    return np.stack([points + reach * (np.cos(turn) * u + np.sin(turn) * v) for turn in turns], axis=1)
