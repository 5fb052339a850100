"""Meshes cut by planes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import trimesh

from neurfield.errors import UserError
from neurfield.slices.chains import chained
from neurfield.slices.contours import Contour, Plane, Slice, Slices
from neurfield.slices.nesting import turned


def cut(mesh: trimesh.Trimesh, planes: Sequence[Plane], name: str = "mesh") -> Slices:
    """The lines in which planes meet a closed mesh, holes and all, in the mesh's own coordinates.

    Raises:
        UserError: no plane meets it.
    """
    vertices, faces = _welded(mesh)
    slices = []
    for k, plane in enumerate(planes):
        contours = turned([Contour(line) for line in _lines(vertices, faces, plane)])
        slices.append(Slice(plane, tuple(contours), k + 1))
    found = Slices(name, tuple(slices))
    if not len(found.corners):
        raise UserError(f"{name}: none of {len(planes)} planes meets it")
    return found


def parallel_planes(box: np.ndarray, count: int, axis: int = 2, seed: int | None = None) -> list[Plane]:
    """Planes across a box [2, 3], each in the middle of one of `count` equal slabs along an axis.

    Args:
        box: minimum and maximum, world.
        count: of planes.
        axis: 0, 1 or 2.
        seed: of where planes lie in their slabs; None: in the middle.
    """
    share = np.full(count, 0.5) if seed is None else np.random.default_rng(seed).uniform(0.05, 0.95, count)
    places = box[0, axis] + (np.arange(count) + share) / count * (box[1, axis] - box[0, axis])
    return [Plane.of(np.eye(3)[axis], float(place)) for place in places]


def random_planes(box: np.ndarray, count: int, seed: int = 0) -> list[Plane]:
    """Planes of any direction through a box [2, 3], as OReX's slicer draws them.

    Normals are of the sphere; offsets from the middle are even, and drawn again where a plane misses the
    middle three quarters of the box.
    """
    generator = np.random.default_rng(seed)
    middle, half = box.mean(axis=0), 0.5 * float(np.linalg.norm(box[1] - box[0]))
    planes: list[Plane] = []
    while len(planes) < count:
        normal = generator.normal(size=3)
        normal = normal / np.linalg.norm(normal)
        reach = 0.75 * float(np.abs(normal) @ (box[1] - box[0])) / 2.0
        offset = generator.uniform(-half, half)
        if abs(offset) < reach:
            planes.append(Plane.of(normal, float(middle @ normal) + offset))
    return planes


def _welded(mesh: trimesh.Trimesh) -> tuple[np.ndarray, np.ndarray]:
    """Vertices [V, 3] and faces [F, 3] with corners at one place made one."""
    vertices, place = np.unique(np.asarray(mesh.vertices, np.float64), axis=0, return_inverse=True)
    faces = place.reshape(-1)[np.asarray(mesh.faces, np.int64)]
    apart = (faces[:, 0] != faces[:, 1]) & (faces[:, 1] != faces[:, 2]) & (faces[:, 2] != faces[:, 0])
    return vertices, faces[apart]


def _lines(vertices: np.ndarray, faces: np.ndarray, plane: Plane) -> list[np.ndarray]:
    """Closed lines [n, 2] of a plane and triangles: one place on each edge whose ends lie on either side.

    A vertex on the plane counts as above it, so every line is closed where the mesh is.
    """
    above = plane.heights(vertices) >= 0.0
    height = plane.heights(vertices)
    split = above[faces].any(axis=1) & ~above[faces].all(axis=1)
    if not split.any():
        return []
    triangles = faces[split]
    edges = np.sort(
        np.stack([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]], axis=1), axis=2
    )
    crossed = above[edges[..., 0]] != above[edges[..., 1]]
    both, place = np.unique(edges[crossed], axis=0, return_inverse=True)
    joined = place.reshape(-1, 2)  # each such triangle has two
    a, b = both[:, 0], both[:, 1]
    share = height[a] / (height[a] - height[b])
    flat = plane.flat(vertices[a] + share[:, None] * (vertices[b] - vertices[a]))
    lines, _ = chained(joined)
    return [line for line in (_apart(flat[one]) for one in lines) if len(line) > 2]


def _apart(line: np.ndarray) -> np.ndarray:
    """A closed line without places that repeat the one before."""
    return line[(line != np.roll(line, 1, axis=0)).any(axis=1)]
