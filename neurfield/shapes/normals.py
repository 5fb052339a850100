"""Axes of the neighbourhoods of a cloud's points, whose sides nobody knows; areas that points stand for."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

NEIGHBOURS = 16


def thinnest_axes(points: np.ndarray, neighbours: int = NEIGHBOURS) -> np.ndarray:
    """The unit axes [N, 3] along which the nearest neighbours of points [N, 3] spread least (PCA).

    Hoppe et al., Surface Reconstruction from Unorganized Points, 1992, section 3.1.
    """
    middle = points - points.mean(axis=0)
    _, rows = cKDTree(middle).query(middle, k=min(neighbours, len(points)))
    axes = np.empty_like(middle)
    for start in range(0, len(middle), 1 << 16):
        near = middle[rows[start : start + (1 << 16)]]
        near = near - near.mean(axis=1, keepdims=True)
        axes[start : start + (1 << 16)] = np.linalg.eigh(np.swapaxes(near, 1, 2) @ near)[1][..., 0]
    return axes


def areas_of(points: np.ndarray, neighbours: int = 8) -> np.ndarray:
    """How much surface [N] each of points [N, 3] stands for: a disc to its neighbours, shared by them."""
    middle = points - points.mean(axis=0)
    count = min(neighbours, len(points) - 1)
    distance, _ = cKDTree(middle).query(middle, k=count + 1)
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
