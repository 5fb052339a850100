"""Orientation of normals along a minimum spanning tree: Hoppe et al. 1992, section 3.3."""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_matrix, csr_matrix
from scipy.sparse.csgraph import breadth_first_order, connected_components, minimum_spanning_tree

_LEAST = 1e-6  # added to a cost: the trees of SciPy take a cost of zero for no edge


def mst_orientation(
    points: np.ndarray, normals: np.ndarray, neighbours: np.ndarray, areas: np.ndarray
) -> np.ndarray:
    """Signs [N] of +1 and -1 that make normals consistent where neighbours' planes are alike, and outward.

    Over the graph of neighbours, with costs 1 - |n_i . n_j|, signs go along a minimum spanning tree. Each
    connected piece is then turned so that the volume that it bounds, the sum of a third of areas times
    normals times places (Gauss), is positive; Hoppe et al. ask one extreme point instead, whose normal may be
    the least sure of all. A piece within another is turned outwards, too, whatever it bounds.

    Args:
        points: [N, 3].
        normals: [N, 3], units of either sign.
        neighbours: [N, k] indices, of the point itself or not.
        areas: [N] that points stand for, up to a factor.
    """
    count = len(points)
    start = np.repeat(np.arange(count), neighbours.shape[1])
    end = neighbours.ravel()
    start, end = start[start != end], end[start != end]
    cost = 1.0 - np.abs(np.einsum("ni,ni->n", normals[start], normals[end])) + _LEAST
    # Both ways as one edge: SciPy adds up what is said twice.
    low, high = np.minimum(start, end), np.maximum(start, end)
    _, once = np.unique(low * count + high, return_index=True)
    graph = coo_matrix((cost[once], (low[once], high[once])), shape=(count, count)).tocsr()
    parent, piece = spanning_forest(graph)
    pieces = int(piece.max(initial=-1)) + 1
    sign = products_to_the_root(_sign(np.einsum("ni,ni->n", normals, normals[parent])), parent)
    weight = np.bincount(piece, areas, pieces)
    middles = np.stack([np.bincount(piece, areas * points[:, axis], pieces) for axis in range(3)], axis=1)
    outward = points - (middles / np.maximum(weight, 1e-300)[:, None])[piece]
    volume = np.bincount(piece, sign * areas * np.einsum("ni,ni->n", outward, normals), pieces)
    return sign * _sign(volume)[piece]


def spanning_forest(costs: csr_matrix) -> tuple[np.ndarray, np.ndarray]:
    """The cheapest trees through a graph [N, N]: parents [N], roots being their own, and pieces [N]."""
    count = costs.shape[0]
    tree = minimum_spanning_tree(costs)
    pieces, piece = connected_components(tree, directed=False)
    _, roots = np.unique(piece, return_index=True)
    # One more point, joined to all roots, makes the pieces one tree.
    joined = coo_matrix((np.ones(pieces), (np.full(pieces, count), roots)), shape=(count + 1, count + 1))
    tree.resize((count + 1, count + 1))
    _, parent = breadth_first_order(tree + joined.tocsr(), count, directed=False)
    return np.where(parent[:count] < count, parent[:count], np.arange(count)).astype(np.int64), piece


def products_to_the_root(sign: np.ndarray, parent: np.ndarray) -> np.ndarray:
    """The product of signs from each point up to its root, its own parent, whose sign is 1."""
    root = parent == np.arange(len(parent))
    while not root[parent].all():  # twice as far each time
        sign = sign * sign[parent]
        parent = parent[parent]
    return sign


def _sign(values: np.ndarray) -> np.ndarray:
    return np.where(values < 0.0, -1.0, 1.0)
