"""Distances and insides of closed lines in their plane."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from neurfield.ops import TriangleTree

_AT_ONCE = 1 << 22  # pairs of points and edges


def edges_of(loops: Sequence[np.ndarray]) -> np.ndarray:
    """Both ends [E, 2, 2] of all edges of closed lines [n, 2]; those of no length are left out."""
    each = [np.stack([loop, np.roll(loop, -1, axis=0)], axis=1) for loop in loops if len(loop)]
    edges = np.concatenate(each) if each else np.zeros((0, 2, 2))
    return edges[(edges[:, 0] != edges[:, 1]).any(axis=1)]


def around_loops(
    loops: Sequence[np.ndarray], count: int, widths: tuple[float, float], random: np.random.Generator
) -> np.ndarray:
    """Places [count, 2] spread along closed lines [n, 2] by length, and moved off them by normal noise.

    Args:
        loops: at least one that has a length.
        count: of places.
        widths: of the noise, in the lines' lengths; all between count alike, by their logarithm.
        random: draws them.
    """
    edges = edges_of(loops)
    length = np.linalg.norm(edges[:, 1] - edges[:, 0], axis=1)
    ends = edges[random.choice(len(edges), count, p=length / length.sum())]
    on = ends[:, 0] + random.random((count, 1)) * (ends[:, 1] - ends[:, 0])
    low, high = np.log(widths)
    width = np.exp(random.uniform(low, high, (count, 1)))
    return on + width * random.normal(size=on.shape)


def crossings(points: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """How many edges [E, 2, 2] lie to the right of points [P, 2], [P].

    An edge holds its lower end and not its upper, so that lines that meet at a corner count once.
    """
    count = np.zeros(len(points), np.int64)
    if not len(edges) or not len(points):
        return count
    order = np.argsort(points[:, 1], kind="stable")
    x, y = points[order].T
    first = np.searchsorted(y, edges[..., 1].min(axis=1))
    many = np.searchsorted(y, edges[..., 1].max(axis=1)) - first
    edges, first, many = edges[many > 0], first[many > 0], many[many > 0]
    # Points at an edge's height stand in a row, so only these are asked about it.
    ends = np.cumsum(many)
    start = 0
    while start < len(edges):
        before = ends[start] - many[start]
        stop = max(start + 1, int(np.searchsorted(ends, before + _AT_ONCE, side="right")))
        edge = np.repeat(np.arange(start, stop), many[start:stop])
        row = first[edge] + np.arange(len(edge)) - (ends[edge] - many[edge] - before)
        a, b = edges[edge, 0], edges[edge, 1]
        at = a[:, 0] + (y[row] - a[:, 1]) / (b[:, 1] - a[:, 1]) * (b[:, 0] - a[:, 0])
        count[order] += np.bincount(row[at > x[row]], minlength=len(points))
        start = stop
    return count


def inside(points: np.ndarray, loops: Sequence[np.ndarray]) -> np.ndarray:
    """Whether points [P, 2] lie inside closed lines, [P]: inside an odd number of them, so holes are out."""
    return crossings(np.asarray(points, np.float64), edges_of(loops)) % 2 == 1


def distance(points: np.ndarray, loops: Sequence[np.ndarray]) -> np.ndarray:
    """How far points [P, 2] lie from the nearest place of closed lines, [P]; infinite where there are none.

    Lines stand up as ribbons in a tree of triangles, where the nearest place is exact and quickly found.
    """
    points, edges = np.asarray(points, np.float64), edges_of(loops)
    if not len(edges):
        return np.full(len(points), np.inf)
    middle = edges.reshape(-1, 2).mean(axis=0)
    size = max(float(np.abs(edges - middle).max()), 1e-300)
    tree = TriangleTree(torch.from_numpy(_ribbons((edges - middle) / size)).float())
    flat = np.concatenate([(points - middle) / size, np.zeros((len(points), 1))], axis=1)
    return tree.nearest(torch.from_numpy(flat).float()).distance.double().numpy() * size


def signed_distance(points: np.ndarray, loops: Sequence[np.ndarray]) -> np.ndarray:
    """The distance [P] of points [P, 2] to closed lines, negative inside."""
    return np.where(inside(points, loops), -1.0, 1.0) * distance(points, loops)


def _ribbons(edges: np.ndarray) -> np.ndarray:
    """Two triangles [2E, 3, 3] for each edge [E, 2, 2], standing on both sides of the plane z = 0."""
    tall = 0.05
    low, high = (np.concatenate([edges, np.full((*edges.shape[:2], 1), z)], axis=2) for z in (-tall, tall))
    first = np.stack([low[:, 0], low[:, 1], high[:, 1]], axis=1)
    second = np.stack([low[:, 0], high[:, 1], high[:, 0]], axis=1)
    return np.concatenate([first, second])
