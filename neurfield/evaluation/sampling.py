"""Points spread over a mesh by area, and the nearest point of a mesh."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import trimesh
from scipy.spatial import cKDTree

# How many anchors near a query offer their triangles: enough that the nearest triangle is among them (see
# docs/evaluation.md).
_SPREAD_NEIGHBOURS = 8
_FACE_NEIGHBOURS = 4
_CHUNK = 1 << 15


@dataclass(frozen=True)
class SurfacePoints:
    """Points on a mesh [k,3] and the face each lies on [k]."""

    points: np.ndarray
    faces: np.ndarray

    def __len__(self) -> int:
        return len(self.points)

    def keep(self, kept: np.ndarray) -> SurfacePoints:
        """Those for which kept [k] is true."""
        return SurfacePoints(self.points[kept], self.faces[kept])


def sample_surface(mesh: trimesh.Trimesh, count: int, rng: np.random.Generator) -> SurfacePoints:
    """`count` points spread over a mesh uniformly by area, one in each of `count` equal shares of it."""
    triangles = mesh.triangles
    cumulative = np.cumsum(triangle_areas(triangles))
    at = (np.arange(count) + rng.random(count)) / count * cumulative[-1]
    faces = np.minimum(np.searchsorted(cumulative, at, side="right"), len(triangles) - 1)
    # Uniform in a triangle: Osada et al., Shape Distributions (2002), section 4.2.
    root, other = np.sqrt(rng.random(count))[:, None], rng.random(count)[:, None]
    corner = triangles[faces]
    points = (1 - root) * corner[:, 0] + root * (1 - other) * corner[:, 1] + root * other * corner[:, 2]
    return SurfacePoints(points, faces)


def triangle_areas(triangles: np.ndarray) -> np.ndarray:
    """Areas [f] of triangles [f,3,3]."""
    return 0.5 * np.linalg.norm(_face_cross(triangles), axis=1)


def face_normals(mesh: trimesh.Trimesh) -> np.ndarray:
    """Unit normals [f,3], zero for triangles without area; computed anew, whatever the mesh's file said."""
    cross = _face_cross(mesh.triangles)
    length = np.linalg.norm(cross, axis=1, keepdims=True)
    return np.divide(cross, length, out=np.zeros_like(cross), where=length > 0)


class NearestSurface:
    """Finds, for points in space, the nearest point on some faces of a mesh.

    Nearest triangles are looked for among those of the nearest anchors: face centres, which serve meshes of
    small triangles, and points spread by area, which serve large ones. On the triangles themselves distances
    are exact.
    """

    def __init__(self, mesh: trimesh.Trimesh, spread: SurfacePoints, with_face_centers: bool = True) -> None:
        self._triangles = np.asarray(mesh.triangles)
        self._spread = spread
        self._spread_tree = cKDTree(spread.points)
        self._center_tree = cKDTree(self._triangles.mean(axis=1)) if with_face_centers else None

    def __call__(self, points: np.ndarray) -> tuple[np.ndarray, SurfacePoints]:
        """Distances [k], and the nearest points with their faces, for points [k,3]."""
        candidates = self._spread.faces[_neighbours(self._spread_tree, points, _SPREAD_NEIGHBOURS)]
        if self._center_tree is not None:
            by_center = _neighbours(self._center_tree, points, _FACE_NEIGHBOURS)
            candidates = np.concatenate([candidates, by_center], axis=1)
        distance, nearest, faces = (
            np.empty(len(points)),
            np.empty((len(points), 3)),
            np.empty(len(points), int),
        )
        for start in range(0, len(points), _CHUNK):
            part = slice(start, start + _CHUNK)
            closest = closest_on_triangles(points[part, None], self._triangles[candidates[part]])
            squared = ((closest - points[part, None]) ** 2).sum(axis=2)
            best = squared.argmin(axis=1)
            rows = np.arange(len(best))
            distance[part] = np.sqrt(squared[rows, best])
            nearest[part] = closest[rows, best]
            faces[part] = candidates[part][rows, best]
        return distance, SurfacePoints(nearest, faces)


def closest_on_triangles(points: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """The point of each triangle [...,3,3] nearest to each point [...,3].

    Ericson, Real-Time Collision Detection (2005), section 5.1.5, with the cases taken for all triangles at
    once.
    """
    a, b, c = triangles[..., 0, :], triangles[..., 1, :], triangles[..., 2, :]
    ab, ac = b - a, c - a
    d1, d2 = _dot(ab, points - a), _dot(ac, points - a)
    d3, d4 = _dot(ab, points - b), _dot(ac, points - b)
    d5, d6 = _dot(ab, points - c), _dot(ac, points - c)
    va, vb, vc = d3 * d6 - d5 * d4, d5 * d2 - d1 * d6, d1 * d4 - d3 * d2
    # Weights of ab and ac; the face's first, then whichever edge or corner the point lies beyond.
    total = va + vb + vc
    v, w = _ratio(vb, total), _ratio(vc, total)
    along_bc = _ratio(d4 - d3, (d4 - d3) + (d5 - d6))
    cases = [
        ((d1 <= 0) & (d2 <= 0), 0.0, 0.0),
        ((d3 >= 0) & (d4 <= d3), 1.0, 0.0),
        ((d6 >= 0) & (d5 <= d6), 0.0, 1.0),
        ((vc <= 0) & (d1 >= 0) & (d3 <= 0), _ratio(d1, d1 - d3), 0.0),
        ((vb <= 0) & (d2 >= 0) & (d6 <= 0), 0.0, _ratio(d2, d2 - d6)),
        ((va <= 0) & (d4 - d3 >= 0) & (d5 - d6 >= 0), 1.0 - along_bc, along_bc),
    ]
    when = [case[0] for case in cases]
    v = np.select(when, [np.broadcast_to(case[1], v.shape) for case in cases], v)
    w = np.select(when, [np.broadcast_to(case[2], w.shape) for case in cases], w)
    return a + v[..., None] * ab + w[..., None] * ac


def _dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.einsum("...i,...i->...", a, b)


def _ratio(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """a / b, and 0 where a triangle has no extent to divide by."""
    return np.divide(a, b, out=np.zeros_like(a), where=b != 0)


def _face_cross(triangles: np.ndarray) -> np.ndarray:
    return np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])


def _neighbours(tree: cKDTree, points: np.ndarray, count: int) -> np.ndarray:
    """Indices [k,m] of the nearest m = min(count, all) points of a tree."""
    m = min(count, tree.n)
    return tree.query(points, k=m, workers=-1)[1].reshape(len(points), m)
