"""A rival of fitted unsigned distances that needs no network: normals, heat, Poisson, all on a grid.

Built from a description alone, that of PNF and VAD: normals of points that point both ways, diffused by heat,
integrated to a smooth distance without a sign. No code and no paper's text was at hand, so what the
description leaves open was chosen here:

- normals are those of planes through 16 neighbours;
- close to the points a node's direction is along the normal of the plane there, to the side that the node
  is on, and turns outwards where the node lies beyond the points, as at a border;
- directions are diffused for as long as heat takes for two cells, and then made units (Crane et al., The Heat
  Method, 2017, as that does with gradients); nodes within a cell of the points keep theirs;
- the distance is the one whose differences are nearest to these directions, but between nodes where those
  oppose each other; within a cell of the points it is held to that from their planes;
- between nodes, distance times direction is interpolated: it goes through zero where the distance has a kink,
  so that the surface is found within a cell, by signs that neighbours vote for (MeshUDF).
"""

from __future__ import annotations

import numpy as np
import torch
import trimesh
from scipy.fft import dctn, idctn
from scipy.ndimage import binary_dilation, map_coordinates
from scipy.sparse import diags, identity, kron
from scipy.sparse.linalg import LinearOperator, cg
from scipy.spatial import cKDTree

from neurfield.surfaces import extract_mesh_udf

_NEIGHBOURS = 16  # of a point, whose plane gives its normal
_SMOOTHED = 8  # points that a node's plane goes through the middle of
_GAP = 2.0  # of the median distance to the last of these: further off than that, a surface ends
_BAND = 3  # cells around the points whose nodes have a direction of their own
_HEAT = 2.0  # cells, over which directions are diffused
_MARGIN = 0.08  # of the longest side, around the points


def network_free(points: np.ndarray, cells: int = 128) -> trimesh.Trimesh:
    """A mesh of points [N, 3] without normals, by a grid of `cells` along the longest side."""
    low, high = points.min(axis=0), points.max(axis=0)
    longest = float((high - low).max())
    h = longest * (1.0 + 2.0 * _MARGIN) / cells
    low = low - _MARGIN * longest
    at = (points - low) / h  # from here on lengths are cells
    shape = tuple(int(n) for n in np.ceil((high + _MARGIN * longest - low) / h) + 1)
    band, away, distance = directions_near(at, normals_of(at), shape)
    field = integrated(diffused(band, away, distance), band, distance)

    def query(places: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        way = np.stack(
            [map_coordinates(part, places.numpy().T, order=1, mode="nearest") for part in field], axis=1
        )
        distances = np.linalg.norm(way, axis=1)
        found = np.column_stack([distances, way / np.maximum(distances, 1e-12)[:, None]])
        return torch.from_numpy(found[:, 0]).float(), torch.from_numpy(found[:, 1:]).float()

    box = np.array([[1.0, 1.0, 1.0], np.array(shape) - 2.0])
    made = extract_mesh_udf(query, box, 1.0)
    return trimesh.Trimesh(low + h * made.vertices, made.faces, process=False)


def normals_of(points: np.ndarray) -> np.ndarray:
    """Units [N, 3] across the plane through each point's neighbours; to either side."""
    near = cKDTree(points).query(points, min(_NEIGHBOURS, len(points)))[1]
    around = points[near] - points[near].mean(axis=1, keepdims=True)
    return np.linalg.eigh(np.einsum("nki,nkj->nij", around, around))[1][:, :, 0]


def directions_near(
    points: np.ndarray, normals: np.ndarray, shape: tuple[int, ...]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Which nodes of a grid are near points, where away from them is, and how far off they are.

    Args:
        points: [N, 3] in cells.
        normals: [N, 3] units.
        shape: of the grid.

    Returns:
        bool `shape`, units [k, 3] of these nodes, and distances [k]: to the plane, or to its end.
    """
    occupied = np.zeros(shape, dtype=bool)
    occupied[tuple(np.floor(points).astype(np.int64).T)] = True
    band = binary_dilation(occupied, np.ones((3, 3, 3)), iterations=_BAND)
    nodes = np.argwhere(band).astype(np.float64)
    tree = cKDTree(points)
    some = points[:: max(1, len(points) // 1000)]
    gap = _GAP * float(np.median(tree.query(some, [min(_SMOOTHED, len(points))])[0]))
    nearest = tree.query(nodes, min(_SMOOTHED, len(points)))[1]
    normal = normals[nearest[:, 0]]
    across = ((nodes - points[nearest].mean(axis=1)) * normal).sum(axis=1, keepdims=True)
    along = nodes - points[nearest[:, 0]]
    along -= (along * normal).sum(axis=1, keepdims=True) * normal
    length = np.linalg.norm(along, axis=1, keepdims=True)
    # Between points a node is a little beside the nearest; further off than that, it is past the last one.
    past = along * np.maximum(0.0, 1.0 - gap / np.maximum(length, 1e-12))
    away = across * normal + past
    distance = np.linalg.norm(away, axis=1)
    return band, away / np.maximum(distance, 1e-12)[:, None], distance


def diffused(band: np.ndarray, away: np.ndarray, distance: np.ndarray) -> np.ndarray:
    """Units [3, *shape] all over the grid, of directions [k, 3] in the band; 0 where no heat comes to."""
    shape = band.shape
    field = np.zeros((3, *shape))
    field[:, band] = away.T
    decay = 1.0 + _HEAT**2 * _laplacian_of_cosines(shape)
    for axis in range(3):
        field[axis] = idctn(dctn(field[axis]) / decay)
    length = np.linalg.norm(field, axis=0)
    field = np.where(length > 1e-12, field / np.maximum(length, 1e-300), 0.0)
    # Close to the points heat of both sides cancels: nodes there keep what they had.
    close = band.copy()
    close[band] = distance < 1.0
    field[:, close] = away[distance < 1.0].T
    return field


def integrated(field: np.ndarray, band: np.ndarray, distance: np.ndarray) -> np.ndarray:
    """Distance times direction [3, *shape]: the distance whose gradient is nearest to the directions.

    Args:
        field: [3, *shape] units.
        band: bool `shape`.
        distance: [k] of the nodes there, by which those within a cell of the points are held.
    """
    shape = band.shape
    held = np.zeros(shape)
    target = np.zeros(shape)
    target[band] = distance
    held[band] = distance < 1.0
    matrix, right = diags(held.reshape(-1)).tocsr(), (held * target).reshape(-1)
    for axis in range(3):
        difference = _difference(shape, axis)
        before, after = (np.moveaxis(field, axis + 1, 1)[:, part] for part in (slice(-1), slice(1, None)))
        # Where directions turn round the distance has its kink: no difference is known across it.
        smooth = np.moveaxis((before * after).sum(axis=0) > 0.0, 0, axis).reshape(-1)
        steps = np.moveaxis(0.5 * (after + before)[axis], 0, axis).reshape(-1)
        matrix = matrix + difference.T @ diags(smooth.astype(np.float64)) @ difference
        right = right + difference.T @ (smooth * steps)
    # Without what holds it, the matrix is diagonal in cosines; held nodes are a share of all.
    waves = _laplacian_of_cosines(shape) + held.mean()
    nearly = LinearOperator(
        matrix.shape, matvec=lambda r: idctn(dctn(r.reshape(shape)) / waves).reshape(-1), dtype=np.float64
    )
    found, _ = cg(matrix, right, x0=target.reshape(-1), M=nearly, rtol=1e-4, maxiter=200)
    return np.maximum(found.reshape(shape), 0.0) * field


def _laplacian_of_cosines(shape: tuple[int, ...]) -> np.ndarray:
    """Minus the eigenvalues of the Laplacian of differences, whose waves are cosines."""
    sides = [2.0 - 2.0 * np.cos(np.pi * np.arange(n) / n) for n in shape]
    return sides[0][:, None, None] + sides[1][:, None] + sides[2]


def _difference(shape: tuple[int, ...], axis: int):  # type: ignore[no-untyped-def]
    """From nodes to the edges along an axis, sparse."""
    n = shape[axis]
    step = diags([-np.ones(n - 1), np.ones(n - 1)], [0, 1], shape=(n - 1, n))
    before, after = int(np.prod(shape[:axis])), int(np.prod(shape[axis + 1 :]))
    return kron(kron(identity(before), step), identity(after)).tocsr()
