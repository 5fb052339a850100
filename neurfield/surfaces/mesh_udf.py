"""Surfaces of noisy unsigned distance fields: signs by vote of neighbours, then marching cubes.

Guillard et al., MeshUDF: Fast and Differentiable Meshing of Unsigned Distance Field Networks, ECCV 2022.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components, minimum_spanning_tree

from neurfield.ops.lattice_keys import numbered
from neurfield.surfaces.cells_mesh import CORNERS, EDGES, mesh_of_cells
from neurfield.surfaces.crossings import Samples
from neurfield.surfaces.dual_faces import compact
from neurfield.surfaces.dual_mesh import UnsignedMesh, finished
from neurfield.surfaces.unsigned import Lattice, NearSurface, UnsignedField

_MEAN, _MOST = 1.05, 1.74  # cells: distances at the corners of a cell that the surface can pass
_FAR = 1.0 / 6.0  # cells: further from the surface no vertex is
_SWEEPS = 8


@torch.no_grad()
def extract_mesh_udf(
    query: UnsignedField,
    box: np.ndarray,
    voxel: float,
    *,
    chunk: int = 1 << 18,
    progress: Callable[[str, float], None] | None = None,
    device: torch.device | str = "cpu",
) -> UnsignedMesh:
    """The surface where a distance without a sign is 0, of a field that is only roughly one.

    Each two neighbours on the lattice vote whether a surface passes between them: it does where their
    gradients point away from each other. The surest votes, those close to the surface first, give each point
    a sign; then points whose neighbours outvote them change sides. The paper walks from cell to cell instead,
    putting off those that are not sure; no order is left to chance here. Marching cubes makes the mesh, and
    faces with a vertex that is not at the surface are left out, so that open surfaces end. Creases are cut
    off, as by marching cubes of signed fields.

    A field's noise is as large for small cells as for large ones: votes of points that are closer to the
    surface than it count less, so that smaller cells do not make a worse mesh.

    Args:
        query: distances [k] and gradients [k, 3] of points float32 [k, 3] on `device`; gradients of any
            length.
        box: [2, 3], low and high corner.
        voxel: edge of the cells.
        chunk: points per call of the field.
        progress: is told what goes on, and which fraction of it is done.
        device: where the field is.

    Raises:
        ValueError: as `extract_dual_mesh`.
    """
    tell = progress or (lambda stage, fraction: None)
    tell("looking for the surface", 0.0)
    lattice = Lattice(query, box, voxel, True, chunk, device)
    near = lattice.near_surface(CORNERS, 1)
    tell("voting for signs", 0.5)
    vertices, faces = _voted(near, lattice)
    mesh = finished(vertices, faces, lattice, near.noise)
    tell("voting for signs", 1.0)
    return mesh


def _voted(near: NearSurface, lattice: Lattice) -> tuple[np.ndarray, np.ndarray]:
    """Vertices in cells and faces."""
    distances = near.samples.distances
    of_cells = distances[near.of_cells]
    passed = (of_cells.mean(axis=1) < _MEAN + near.noise) & (
        of_cells.max(axis=1, initial=0.0) < _MOST + near.noise
    )
    cells = near.of_cells[passed]
    if not len(cells):
        return np.zeros((0, 3)), np.zeros((0, 3), dtype=np.int64)
    ends = cells[:, EDGES]
    pairs = numbered(ends[..., 0] * len(distances) + ends[..., 1])[0]
    pairs = np.stack(np.divmod(pairs, len(distances)), axis=1)
    signs = _signs(near.samples, pairs, near.noise)
    edges, faces = mesh_of_cells(signs * np.maximum(distances, 1e-6), cells)
    vertices, left = _between(near.samples.select(edges[:, 0]), near.samples.select(edges[:, 1]), lattice)
    at_surface = left < max(_FAR, near.noise)
    return compact(vertices, faces[at_surface[faces].all(axis=1)])


def _between(low: Samples, high: Samples, lattice: Lattice) -> tuple[np.ndarray, np.ndarray]:
    """Points [v, 3] of the surface between samples on both sides of it, and the distances that are left [v].

    Distances to two faces of a crease are not in proportion along an edge. So a point that is not at the
    surface takes the place of the end whose gradient it has, and it is looked between those.
    """
    for last in (False, False, True):
        share = low.distances / np.maximum(low.distances + high.distances, 1e-12)
        points = low.points + share[:, None] * (high.points - low.points)
        middle = Samples(points, *lattice(points))
        if last or not (middle.distances >= _FAR).any():
            break
        off = middle.distances >= _FAR
        like_low = (middle.normals * low.normals).sum(axis=1) > (middle.normals * high.normals).sum(axis=1)
        low = Samples(*(np.where(_rows(off & like_low, a), b, a) for a, b in zip(low, middle, strict=True)))
        high = Samples(
            *(np.where(_rows(off & ~like_low, a), b, a) for a, b in zip(high, middle, strict=True))
        )
    return points, middle.distances


def _rows(chosen: np.ndarray, like: np.ndarray) -> np.ndarray:
    """Which rows [v] in the shape of a column, [v] or [v, 1]."""
    return chosen.reshape(-1, *[1] * (like.ndim - 1))


def _signs(samples: Samples, pairs: np.ndarray, noise: float) -> np.ndarray:
    """1 or -1 for each sample [n], by votes of neighbours [p, 2] along an axis, the lower first."""
    low, high = pairs.T
    count = len(samples.points)
    way = samples.points[high] - samples.points[low]
    towards = ((samples.normals[low] * way).sum(axis=1) > 0.0) & (
        (samples.normals[high] * way).sum(axis=1) < 0.0
    )
    alike = (samples.normals[low] * samples.normals[high]).sum(axis=1)
    votes = np.where(towards, 1.0, alike)
    # Gradients are least sure within the noise of the surface, where they may point either way.
    sure = np.minimum(1.0, samples.distances / max(noise, 1e-9))
    votes *= np.exp(-samples.distances[low] - samples.distances[high]) * sure[low] * sure[high]
    # The tree of the surest votes: its signs follow from each other without contradiction.
    surest = minimum_spanning_tree(
        coo_matrix((2.0 - np.abs(votes), (low, high)), shape=(count, count))
    ).tocoo()
    vote = coo_matrix((votes + 4.0, (low, high)), shape=(count, count)).tocsr()
    apart = np.asarray(vote[surest.row, surest.col]).reshape(-1) < 4.0
    rows = np.concatenate([surest.row, surest.row + count])
    columns = np.concatenate([surest.col + apart * count, surest.col + ~apart * count])
    graph = coo_matrix((np.ones(len(rows), dtype=bool), (rows, columns)), shape=(2 * count, 2 * count))
    label = connected_components(graph, directed=False)[1]
    signs = np.where(label[:count] < label[count:], 1.0, -1.0)
    # Neighbours differ in the parity of their coordinates: each half changes while the other one stands.
    parity = np.rint(samples.points).astype(np.int64).sum(axis=1) % 2
    both = coo_matrix(
        (np.tile(votes, 2), (np.concatenate([low, high]), np.concatenate([high, low]))), (count, count)
    )
    matrix = both.tocsr()
    for sweep in range(2 * _SWEEPS):
        total = matrix @ signs
        change = (total * signs < 0.0) & (parity == sweep % 2)
        if sweep > 1 and not (total * signs < 0.0).any():
            break
        signs[change] *= -1.0
    return signs
