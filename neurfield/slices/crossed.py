"""Which edges of lines in a plane cross."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree


def crossing_pairs(edges: np.ndarray, owner: np.ndarray) -> np.ndarray:
    """Owners [K, 2] of pairs of edges that cross, each pair of owners once.

    Edges that share an end do not cross, nor do those that only touch.

    Args:
        edges: [E, 2, 2] both ends of each.
        owner: [E] what each belongs to; a line that crosses itself is a pair of one owner.
    """
    if len(edges) < 2:
        return np.zeros((0, 2), np.int64)
    pieces, edge = short_pieces(edges)
    reach = float(np.linalg.norm(pieces[:, 1] - pieces[:, 0], axis=1).max())
    near = cKDTree(pieces.mean(axis=1)).query_pairs(reach, output_type="ndarray")
    a, b = edge[near[:, 0]], edge[near[:, 1]]
    first, second = edges[a], edges[b]
    cross = (_side(first, second[:, 0]) * _side(first, second[:, 1]) < 0.0) & (
        _side(second, first[:, 0]) * _side(second, first[:, 1]) < 0.0
    )
    pairs = np.sort(np.stack([owner[a[cross]], owner[b[cross]]], axis=1), axis=1)
    return np.unique(pairs, axis=0)


def short_pieces(edges: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Edges cut into pieces of about the median's length, and which edge each is of."""
    length = np.linalg.norm(edges[:, 1] - edges[:, 0], axis=1)
    usual = max(float(np.median(length)), float(length.max()) / 1000.0, 1e-300)
    count = np.maximum(1, np.ceil(length / (2.0 * usual))).astype(np.int64)
    edge = np.repeat(np.arange(len(edges)), count)
    step = np.arange(len(edge)) - np.repeat(np.cumsum(count) - count, count)
    start, along = edges[edge, 0], (edges[edge, 1] - edges[edge, 0]) / count[edge, None]
    return np.stack([start + step[:, None] * along, start + (step[:, None] + 1) * along], axis=1), edge


def _side(edges: np.ndarray, points: np.ndarray) -> np.ndarray:
    """On which side of edges [K, 2, 2] points [K, 2] lie, [K]: a doubled area."""
    along, towards = edges[:, 1] - edges[:, 0], points - edges[:, 0]
    return along[:, 0] * towards[:, 1] - along[:, 1] * towards[:, 0]
