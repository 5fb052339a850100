"""Points spread over a mesh by area."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import trimesh


@dataclass(frozen=True)
class MeshSamples:
    """Points on a mesh.

    Attributes:
        points: [k,3].
        faces: [k], the face that each lies on.
    """

    points: np.ndarray
    faces: np.ndarray

    def __len__(self) -> int:
        return len(self.points)

    def keep(self, kept: np.ndarray) -> MeshSamples:
        """Those for which kept [k] is true."""
        return MeshSamples(self.points[kept], self.faces[kept])


def sample_surface(
    mesh: trimesh.Trimesh, count: int, rng: np.random.Generator, *, even: bool = True
) -> MeshSamples:
    """`count` points spread over a mesh uniformly by area.

    Args:
        mesh: the surface.
        count: of points.
        rng: draws them.
        even: one in each of `count` equal shares of the area, instead of each anywhere, as most programs draw
            them: those have neighbours a little farther apart on average.
    """
    triangles = mesh.triangles
    cumulative = np.cumsum(triangle_areas(triangles))
    share = (np.arange(count) + rng.random(count)) / count if even else rng.random(count)
    at = share * cumulative[-1]
    faces = np.minimum(np.searchsorted(cumulative, at, side="right"), len(triangles) - 1)
    # Uniform in a triangle: Osada et al., Shape Distributions (2002), section 4.2.
    root, other = np.sqrt(rng.random(count))[:, None], rng.random(count)[:, None]
    corner = triangles[faces]
    points = (1 - root) * corner[:, 0] + root * (1 - other) * corner[:, 1] + root * other * corner[:, 2]
    return MeshSamples(points, faces)


def triangle_areas(triangles: np.ndarray) -> np.ndarray:
    """Areas [f] of triangles [f,3,3]."""
    return 0.5 * np.linalg.norm(_face_cross(triangles), axis=1)


def face_normals(mesh: trimesh.Trimesh) -> np.ndarray:
    """Unit normals [f,3], zero for triangles without area; computed anew, whatever the mesh's file said."""
    cross = _face_cross(mesh.triangles)
    length = np.linalg.norm(cross, axis=1, keepdims=True)
    return np.divide(cross, length, out=np.zeros_like(cross), where=length > 0)


def _face_cross(triangles: np.ndarray) -> np.ndarray:
    return np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])
