"""A mesh of points with normals: screened Poisson reconstruction on a grid that is fine where the surface is.

Kazhdan and Hoppe 2013, with finite differences on the edges of a grid in place of B-splines on an octree:
each level starts from the one before, and is solved near the surface alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from scipy.ndimage import binary_dilation
from scipy.sparse import csr_matrix

from neurfield.ops import marching_cubes

Progress = Callable[[str, float], None]

_COARSEST = 24  # cells of the first level along a side, to twice as many
_MOST = 512  # cells of the last
_MARGIN = 1.2  # of the grid's side over the cloud's
_SCREENING = 4.0  # how much a point's place counts beside its normal, where it stands for a cell's face
_BLUR = 4.0  # deviations of the noise in a voxel with which it counts half as much
_ROUNDS = (200, 40)  # of conjugate gradients: at the first level, at others
_ENOUGH = 1e-3  # of the residual, relative


@dataclass(frozen=True)
class PoissonSurface:
    """A mesh in the coordinates of the points, normals as theirs.

    Attributes:
        vertices: [V, 3] float64.
        faces: [F, 3] int64.
        voxel: edge of the last level's cells, in the points' unit.
    """

    vertices: np.ndarray
    faces: np.ndarray
    voxel: float


def poisson_surface(
    points: np.ndarray,
    normals: np.ndarray,
    areas: np.ndarray,
    voxel: float,
    noise: float = 0.0,
    progress: Progress | None = None,
) -> PoissonSurface:
    """The surface whose inside is where the gradient of the indicator fits the normals best.

    Least squares over the grid's nodes: differences along edges are to be what the normals, spread over a
    cell, say, and values at points zero. Neither a closed surface nor free space at the border is assumed
    (Neumann). The level is the mean value at the points.

    Args:
        points: [N, 3].
        normals: [N, 3], units, into free space.
        areas: [N], what each stands for, in the square of the points' unit.
        voxel: edge of the cells; none is made smaller than 1 / 512 of the grid's side.
        noise: deviation of points off the surface, in their unit: the more, the less their places count.
        progress: told what is done, and the part that is done.
    """
    tell = progress or (lambda words, part: None)
    low, high = points.min(axis=0), points.max(axis=0)
    side = _MARGIN * float((high - low).max())
    origin = (low + high) / 2.0 - side / 2.0
    cells = float(np.clip(side / voxel, _COARSEST, _MOST))
    levels = int(np.floor(np.log2(cells / _COARSEST)))
    size = int(np.ceil(cells / 2**levels))
    screening = _SCREENING / (1.0 + (_BLUR * noise * cells / side) ** 2)
    values = np.zeros((size + 1,) * 3, dtype=np.float32)
    for level in range(levels + 1):
        tell("solving for the inside", level / (levels + 1))
        spacing = side / size
        places = (points - origin) / spacing
        if level == 0:
            active = np.ones((size,) * 3, dtype=bool)
        else:
            active = _refined(_near_surface(values, places / 2.0))
            values = _upsampled(values)
        _solve(values, active, places, normals, areas / spacing**2, screening, level == 0)
        size *= 2
    size //= 2
    mean = float(np.average(_interpolated(values, places), weights=areas))
    tell("marching cubes", 1.0)
    vertices, faces = marching_cubes(
        torch.from_numpy(values), mean, origin=origin.tolist(), spacing=side / size
    )
    return PoissonSurface(vertices.numpy(), faces.numpy(), side / size)


def _near_surface(values: np.ndarray, places: np.ndarray) -> np.ndarray:
    """The cells that hold a point or whose corners differ in sign, and those around them."""
    inside = values < 0.0
    count = np.zeros(tuple(n - 1 for n in values.shape), dtype=np.int8)
    for corner in np.ndindex(2, 2, 2):
        count += inside[tuple(slice(c, n - 1 + c) for c, n in zip(corner, values.shape))]
    near = (count > 0) & (count < 8)
    near[tuple(_cells(places, near.shape[0]).T)] = True
    return binary_dilation(near, np.ones((3, 3, 3), dtype=bool))


def _cells(places: np.ndarray, size: int) -> np.ndarray:
    return np.clip(np.floor(places).astype(np.int64), 0, size - 1)


def _refined(cells: np.ndarray) -> np.ndarray:
    """Each cell as eight."""
    for axis in range(3):
        cells = np.repeat(cells, 2, axis=axis)
    return cells


def _upsampled(values: np.ndarray) -> np.ndarray:
    """Values at the nodes of a grid twice as fine, linear between those that are there."""
    for axis in range(3):
        old = np.moveaxis(values, axis, 0)
        new = np.empty((2 * old.shape[0] - 1, *old.shape[1:]), dtype=old.dtype)
        new[::2] = old
        new[1::2] = 0.5 * (old[:-1] + old[1:])
        values = np.moveaxis(new, 0, axis)
    return np.ascontiguousarray(values)


def _corners(places: np.ndarray, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """The nodes around places, in grid units, as flat indices [N, 8], and their trilinear weights."""
    cell = np.clip(np.floor(places).astype(np.int64), 0, np.array(shape) - 2)
    part = places - cell
    index, weight = [], []
    for corner in np.ndindex(2, 2, 2):
        at = cell + corner
        index.append((at[:, 0] * shape[1] + at[:, 1]) * shape[2] + at[:, 2])
        weight.append(np.prod(np.where(np.array(corner) == 1, part, 1.0 - part), axis=1))
    return np.stack(index, axis=1), np.stack(weight, axis=1)


def _interpolated(values: np.ndarray, places: np.ndarray) -> np.ndarray:
    index, weight = _corners(places, values.shape)
    return np.einsum("nk,nk->n", values.reshape(-1)[index], weight)


def _solve(
    values: np.ndarray,
    active: np.ndarray,
    places: np.ndarray,
    normals: np.ndarray,
    areas: np.ndarray,
    screening: float,
    everywhere: bool,
) -> None:
    """Improve values in place at the nodes within active cells; the others stay.

    Args:
        values: [n, n, n] float32, the start.
        active: [n - 1, n - 1, n - 1].
        places: of the points, grid units.
        normals: of the points.
        areas: of the points, in faces of a cell.
        screening: how much the places of points count.
        everywhere: all nodes are asked for, those on the border, too.
    """
    shape, flat = values.shape, values.reshape(-1)
    free = np.ones(shape, dtype=bool)
    if not everywhere:
        free[:] = False
        inner = np.ones(tuple(n - 2 for n in shape), dtype=bool)
        for corner in np.ndindex(2, 2, 2):
            inner &= active[tuple(slice(c, n - 2 + c) for c, n in zip(corner, shape))]
        free[1:-1, 1:-1, 1:-1] = inner
    nodes = np.flatnonzero(free)
    number = np.full(flat.size + 1, -1, dtype=np.int32)  # of a node among the free ones; the last: of no node
    number[nodes] = np.arange(len(nodes), dtype=np.int32)
    laplace, wanted = _differences(flat, shape, nodes, number)
    wanted += _spread_normals(shape, places, normals, areas, number, len(nodes))
    index, weight = _corners(places, shape)
    column, known = number[index], number[index] < 0
    held = np.where(known, weight * flat[index], 0.0).sum(axis=1)
    rows = np.repeat(np.arange(len(places)), 8)[~known.ravel()]
    at_points = csr_matrix(
        (weight[~known].astype(np.float32), (rows, column[~known])), shape=(len(places), len(nodes))
    )
    to_nodes = at_points.T.tocsr()
    pull = (screening * areas).astype(np.float32)
    wanted = (wanted - to_nodes @ (pull * held)).astype(np.float32)
    diagonal = laplace.diagonal() + to_nodes.multiply(to_nodes) @ pull
    flat[nodes] = _conjugate_gradients(
        lambda x: laplace @ x + to_nodes @ (pull * (at_points @ x)),
        wanted,
        flat[nodes],
        diagonal,
        _ROUNDS[0 if everywhere else 1],
    )


def _differences(
    flat: np.ndarray, shape: tuple[int, ...], nodes: np.ndarray, number: np.ndarray
) -> tuple[csr_matrix, np.ndarray]:
    """The matrix of all squared differences along edges, for free nodes, and what fixed neighbours add."""
    strides = (shape[1] * shape[2], shape[2], 1)
    neighbours = np.empty((len(nodes), 7), dtype=np.int64)  # by rising index, the node itself in the middle
    neighbours[:, 3] = nodes
    for axis, stride in enumerate(strides):
        at = nodes // stride % shape[axis]
        neighbours[:, axis] = np.where(at > 0, nodes - stride, flat.size)
        neighbours[:, 6 - axis] = np.where(at < shape[axis] - 1, nodes + stride, flat.size)
    there = neighbours < flat.size
    column = number[neighbours]
    fixed = there & (column < 0)
    wanted = np.where(fixed, flat[np.where(there, neighbours, 0)], 0.0).sum(axis=1)
    data = np.full(column.shape, -1.0, dtype=np.float32)
    data[:, 3] = there.sum(axis=1) - 1
    kept = column >= 0
    starts = np.concatenate([[0], np.cumsum(kept.sum(axis=1))])
    return csr_matrix((data[kept], column[kept], starts), shape=(len(nodes),) * 2), wanted


def _spread_normals(
    shape: tuple[int, ...],
    places: np.ndarray,
    normals: np.ndarray,
    areas: np.ndarray,
    number: np.ndarray,
    count: int,
) -> np.ndarray:
    """What differences along edges are to be, added up at their ends: a divergence, of free nodes [count]."""
    total = np.zeros(count + 1)
    strides = (shape[1] * shape[2], shape[2], 1)
    for axis in range(3):
        edges = list(shape)
        edges[axis] -= 1
        index, weight = _corners(places - 0.5 * np.eye(3)[axis], tuple(edges))
        # Flat indices among edges as those of the edges' lower nodes.
        x, rest = np.divmod(index, edges[1] * edges[2])
        y, z = np.divmod(rest, edges[2])
        lower = ((x * shape[1] + y) * shape[2] + z).ravel()
        step = (weight * (areas * normals[:, axis])[:, None]).ravel()
        total += np.bincount(number[lower + strides[axis]] + 1, step, count + 1)
        total -= np.bincount(number[lower] + 1, step, count + 1)
    return total[1:]


def _conjugate_gradients(
    product: Callable[[np.ndarray], np.ndarray],
    wanted: np.ndarray,
    start: np.ndarray,
    diagonal: np.ndarray,
    rounds: int,
) -> np.ndarray:
    """Solve until the residual is small or rounds are over, preconditioned by the diagonal."""
    x = start.copy()
    residual = wanted - product(x)
    scaled = residual / diagonal
    direction = scaled.copy()
    energy = float(residual @ scaled)
    enough = _ENOUGH**2 * max(float(wanted @ (wanted / diagonal)), 1e-30)
    for _ in range(rounds):
        if energy <= enough:
            break
        image = product(direction)
        length = np.float32(energy / float(direction @ image))
        x += length * direction
        residual -= length * image
        scaled = residual / diagonal
        before, energy = energy, float(residual @ scaled)
        direction = scaled + np.float32(energy / before) * direction
    return x
