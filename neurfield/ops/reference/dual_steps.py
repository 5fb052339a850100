"""Steps of dual meshing, in plain NumPy; see `neurfield.ops.dual_steps`."""

from __future__ import annotations

import numpy as np

APART, TURNED, UNCLEAR, LIKELY = range(4)
PLANE, EDGE, CORNER = 1, 2, 3
_CLEAR = 0.9  # the cosine of two gradients of one side of a smooth surface
_ALIKE = 0.5


def crossing_turns(
    points: np.ndarray,
    distances: np.ndarray,
    normals: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    length: float,
    noise: float,
) -> np.ndarray:
    """What is said of stretches, uint8 [m]."""
    both = distances[low] + distances[high]
    reached = both <= 1.05 * length + 2.0 * noise
    alike = (normals[low] * normals[high]).sum(axis=1)
    feet = points - distances[:, None] * normals
    low_behind = ((points[low] - feet[high]) * normals[high]).sum(axis=1) < 0.0
    high_behind = ((points[high] - feet[low]) * normals[low]).sum(axis=1) < 0.0
    turned = reached & (alike < -_CLEAR) & low_behind & high_behind
    # Along a sheet that is closer than the one that is crossed, gradients alone do not tell of that.
    way = (points[high] - points[low]) / length
    steep = np.abs((normals[low] * way).sum(axis=1)) > _CLEAR
    hidden = (both <= length) & ~steep
    apart = ~reached | ((alike > _CLEAR) & ~hidden) | ((alike < -_CLEAR) & ~low_behind & ~high_behind)
    likely = (alike < _ALIKE) & (low_behind | high_behind)
    unclear = np.where(likely, LIKELY, UNCLEAR)
    return np.where(turned, TURNED, np.where(apart, APART, unclear)).astype(np.uint8)


def filtered_quads(
    points: np.ndarray, ranks: np.ndarray, directions: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Which quads [q, 4, 3] with ranks [q, 4] and directions [q, 4, 3] are kept, and are cut from 0 to 2."""
    _, stretch, axes = np.linalg.svd(points - points.mean(axis=1, keepdims=True), full_matrices=False)
    flat = stretch[:, 2] < 0.25 * stretch[:, 0]
    plane, edge = ranks == PLANE, ranks == EDGE
    alike = np.abs(np.einsum("qkx,qx->qk", directions, axes[:, 2]))
    keep_flat = ~(plane & (alike < 0.85)).any(axis=1) & ~(edge & (alike > 0.5)).any(axis=1)

    keep_bent = np.ones(len(points), dtype=bool)
    for j in range(4):
        normal = np.cross(points[:, (j + 1) % 4] - points[:, j], points[:, (j + 3) % 4] - points[:, j])
        normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-300)
        keep_bent &= ~(plane[:, j] & (np.abs(np.einsum("qx,qx->q", normal, directions[:, j])) < 0.85))
    count = plane.sum(axis=1)
    keep_bent &= (count <= 1) | ((count == 2) & (plane[:, 0] == plane[:, 2]))
    ear = plane.argmax(axis=1)  # the first plane, else 0
    along_02 = np.where(flat, True, np.where(count > 0, ear % 2 == 1, edge[:, 0] & edge[:, 2]))
    return np.where(flat, keep_flat, keep_bent), along_02


def field_answers(
    values: np.ndarray, gradients: np.ndarray, voxel: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Distances [n] in cells, unit normals [n, 3] and slopes [n]."""
    values, gradients = values.astype(np.float64), gradients.astype(np.float64)
    slopes = np.linalg.norm(gradients, axis=1)
    distances = np.maximum(values, 0.0) / voxel
    with np.errstate(invalid="ignore"):  # the caller tells of what is not finite
        normals = gradients / np.where(slopes > 0.0, slopes, 1.0)[:, None]
    return distances, normals, slopes
