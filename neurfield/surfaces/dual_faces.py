"""From cells with a vertex to faces: which four cells make one, and along which diagonal it is cut.

Zhang et al., Surface Extraction from Neural Unsigned Distance Fields, ICCV 2023; Ju et al., Dual Contouring
of Hermite Data, SIGGRAPH 2002.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from neurfield.surfaces.dual_cells import find, keys

PLANE, EDGE, CORNER = 1, 2, 3
_UNIT = np.eye(3, dtype=np.int64)


class LatticeEdges(NamedTuple):
    """Edges of the lattice that have a cell on all four sides.

    Attributes:
        cells: [e, 4] int64, counter-clockwise seen from the edge's upper end; the edge is the lowest of the
            third.
        axis: [e] int64, along which the edge runs.
    """

    cells: np.ndarray
    axis: np.ndarray


def edges_between(cells: np.ndarray) -> LatticeEdges:
    """The edges with four of the sorted cells [c, 3] around them."""
    numbers = keys(cells)
    quads, axes = [], []
    for axis in range(3):
        b, c = _UNIT[(axis + 1) % 3], _UNIT[(axis + 2) % 3]
        around = [cells - b - c, cells - c, cells, cells - b]
        quad = np.stack([np.where((a >= 0).all(axis=1), find(numbers, keys(a)), -1) for a in around], axis=1)
        there = (quad >= 0).all(axis=1)
        quads.append(quad[there])
        axes.append(np.full(int(there.sum()), axis))
    return LatticeEdges(np.concatenate(quads), np.concatenate(axes))


def consistent(
    points: np.ndarray, kinds: np.ndarray, directions: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The published filter: which quads face as their vertices say, and how each is cut.

    Args:
        points: [q, 4, 3] the quads' vertices.
        kinds: [q, 4] of them.
        directions: [q, 4, 3], a plane's normal, an edge's direction.

    Returns:
        Which quads are kept [q], and which are cut from 0 to 2, not from 1 to 3 [q].
    """
    _, stretch, axes = np.linalg.svd(points - points.mean(axis=1, keepdims=True), full_matrices=False)
    flat = stretch[:, 2] < 0.25 * stretch[:, 0]
    alike = np.abs(np.einsum("qkx,qx->qk", directions, axes[:, 2]))
    keep_flat = ~((kinds == PLANE) & (alike < 0.85)).any(axis=1) & ~((kinds == EDGE) & (alike > 0.5)).any(
        axis=1
    )

    plane = kinds == PLANE
    keep_bent = np.ones(len(points), dtype=bool)
    for j in range(4):
        normal = np.cross(points[:, (j + 1) % 4] - points[:, j], points[:, (j + 3) % 4] - points[:, j])
        normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-300)
        keep_bent &= ~(plane[:, j] & (np.abs(np.einsum("qx,qx->q", normal, directions[:, j])) < 0.85))
    count = plane.sum(axis=1)
    keep_bent &= (count <= 1) | ((count == 2) & (plane[:, 0] == plane[:, 2]))
    ear = plane.argmax(axis=1)  # the first plane, else 0
    both_edges = (kinds[:, 0] == EDGE) & (kinds[:, 2] == EDGE)
    along_02 = np.where(flat, True, np.where(count > 0, ear % 2 == 1, both_edges))
    return np.where(flat, keep_flat, keep_bent), along_02


def triangles(quads: np.ndarray, along_02: np.ndarray) -> np.ndarray:
    """Triangles [2 q, 3] of quads [q, 4], cut from 0 to 2 or from 1 to 3."""
    first = np.where(along_02[:, None], quads[:, [0, 1, 2]], quads[:, [0, 1, 3]])
    second = np.where(along_02[:, None], quads[:, [0, 2, 3]], quads[:, [1, 2, 3]])
    return np.stack([first, second], axis=1).reshape(-1, 3)


def diagonals(vertices: np.ndarray, ranks: np.ndarray, quads: np.ndarray) -> np.ndarray:
    """Which quads are cut from 0 to 2 [q]: along a crease where they have one, else the shorter way."""
    crease = (ranks[quads] == EDGE) | (ranks[quads] == CORNER)
    on_02, on_13 = crease[:, 0] & crease[:, 2], crease[:, 1] & crease[:, 3]
    corners = vertices[quads]
    shorter = np.linalg.norm(corners[:, 0] - corners[:, 2], axis=1) <= np.linalg.norm(
        corners[:, 1] - corners[:, 3], axis=1
    )
    return np.where(on_02 == on_13, shorter, on_02)


def compact(vertices: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Without vertices that no face has."""
    used = np.zeros(len(vertices), dtype=bool)
    used[faces] = True
    return vertices[used], (np.cumsum(used) - 1)[faces]
