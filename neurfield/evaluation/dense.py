"""Clouds of points as benchmarks make and thin them: dense on triangles, no two too near, one a voxel."""

from __future__ import annotations

import numpy as np
import trimesh
from scipy.spatial import cKDTree

from neurfield.errors import UserError

MOST_POINTS = 300_000_000  # before any is thinned out; a surface that asks for more is in other units
_CHUNK = 1 << 22


def dense_points(mesh: trimesh.Trimesh, spacing: float, region: np.ndarray) -> np.ndarray:
    """The vertices of a mesh, and points on its triangles, of what touches a box: [k,3] float64.

    Triangles are those whose own box touches the region; of an unused vertex nothing is made.

    Args:
        mesh: the surface.
        spacing: of the points on a triangle, of which there is one in each `spacing` squared.
        region: [2,3] minimum and maximum; points beyond it are left out.

    Raises:
        UserError: there is too much surface for such a spacing.
    """
    triangles = np.asarray(mesh.triangles, np.float64)
    touches = (triangles.max(axis=1) >= region[0]).all(axis=1)
    touches &= (triangles.min(axis=1) <= region[1]).all(axis=1)
    vertices = np.asarray(mesh.vertices, np.float64)[np.unique(np.asarray(mesh.faces)[touches])]
    points = np.concatenate([vertices, points_on(triangles[touches], spacing, region)])
    return points[_within(points, region)]


def points_on(triangles: np.ndarray, spacing: float, region: np.ndarray) -> np.ndarray:
    """Points [k,3] of a lattice along two edges of each triangle [f,3,3], those inside the region [2,3].

    A triangle with an edge shorter than the lattice's step has none. As `sample_single_tri` in
    jzhangbs/DTUeval-python.
    """
    doubled_area = np.linalg.norm(np.cross(*_edges(triangles)), axis=1)
    if doubled_area.sum() / 2 > MOST_POINTS * spacing**2:
        raise UserError(
            f"the mesh has {doubled_area.sum() / 2:.3g} units of area, too many for points {spacing:g} "
            "apart: is it in the units of the true surface?"
        )
    triangles, doubled_area = triangles[doubled_area > 0], doubled_area[doubled_area > 0]
    corner, along = triangles[:, 0], _edges(triangles)
    lengths = [np.linalg.norm(edge, axis=1) for edge in along]
    step = spacing * np.sqrt(lengths[0] * lengths[1] / doubled_area)
    counts = [np.floor(length / step) for length in lengths]
    used = np.flatnonzero((counts[0] > 0) & (counts[1] > 0))
    # A row of the lattice is a step along the first edge, and as many along the second as stay inside.
    of = np.repeat(used, counts[0][used].astype(np.int64))
    first = (_places(counts[0][used]) + 0.5) / counts[0][of]
    columns = np.floor(counts[1][of] * (1.0 - first)).astype(np.int64) + 1
    ends = np.cumsum(columns)
    parts, start = [np.zeros((0, 3))], 0
    while start < len(of):
        before = ends[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, before + _CHUNK, side="right")))
        rows = np.repeat(np.arange(start, stop), columns[start:stop])
        u = first[rows]
        v = (_places(columns[start:stop]) + 0.5) / counts[1][of[rows]]
        rows, u, v = (values[u + v < 1] for values in (rows, u, v))
        at = of[rows]
        points = corner[at] + u[:, None] * along[0][at] + v[:, None] * along[1][at]
        parts.append(points[_within(points, region)])
        start = stop
    return np.concatenate(parts)


def thinned(points: np.ndarray, spacing: float, rng: np.random.Generator) -> np.ndarray:
    """Points [k,3] in random order without those within `spacing` of one that is kept and comes before."""
    points = rng.permutation(points)
    pairs = cKDTree(points).query_pairs(spacing, output_type="ndarray")
    first, second = pairs.min(axis=1), pairs.max(axis=1)
    # What has no undecided neighbour before it is kept, and its neighbours go: a few rounds decide all.
    gone = np.zeros(len(points), bool)
    while len(first):
        follows = np.zeros(len(points), bool)
        follows[second] = True
        gone[second[~follows[first]]] = True
        open_pairs = ~(gone[first] | gone[second]) & follows[first]
        first, second = first[open_pairs], second[open_pairs]
    return points[~gone]


def voxel_means(points: np.ndarray, voxel: float) -> np.ndarray:
    """The mean of the points [k,3] in each voxel that has some; voxels begin half a side before the least.

    As Open3D's `voxel_down_sample`.
    """
    if not len(points):
        return points
    cells = np.floor((points - (points.min(axis=0) - 0.5 * voxel)) / voxel).astype(np.int64)
    key = np.ravel_multi_index(tuple(cells.T), tuple(cells.max(axis=0) + 1))
    _, voxel_of, counts = np.unique(key, return_inverse=True, return_counts=True)
    sums = [np.bincount(voxel_of, points[:, axis]) for axis in range(3)]
    return np.stack(sums, axis=1) / counts[:, None]


def _edges(triangles: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The two edges [f,3] from the first corner of triangles [f,3,3]."""
    return triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0]


def _places(counts: np.ndarray) -> np.ndarray:
    """0 to count - 1 for each count, one after the other."""
    counts = counts.astype(np.int64)
    ends = np.cumsum(counts)
    return np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - counts, counts)


def _within(points: np.ndarray, region: np.ndarray) -> np.ndarray:
    return ((points >= region[0]) & (points <= region[1])).all(axis=1)
