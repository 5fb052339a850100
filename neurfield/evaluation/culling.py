"""What the cameras saw of a mesh: nothing can be asked of a surface that no picture shows.

A point counts as seen if at least one camera has it in its picture, in front of it, with no other part of
*the same mesh* in between. The same mesh, because each question is about one world: the ground truth hides
what the cameras could not see in truth, and the reconstruction hides its own back sides and outer layers,
which a viewer standing where the cameras stood would not see either. Testing the reconstruction against the
ground truth instead would excuse whatever it puts a few millimetres behind the true surface. A reconstruction
cannot hide its mistakes behind a false wall: the wall is seen and counts against accuracy, and the true
surface behind it is seen in the ground truth and counts against completeness.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import trimesh

# A ray stops this share of its length before its point, so that rounding does not let a surface hide itself.
STOP_SHORT = 1e-3
# The same where a point only has to be as good as seen (3 cm at 3 m): ripples of a surface hide parts of it.
STOP_SHORT_LENIENT = 1e-2
# The cosine of view and normal below which (6 degrees off the surface) a picture only grazes a surface.
GRAZING = 0.1
# Cameras come in strides of the golden ratio: the first few then look from everywhere and see most points.
_GOLDEN = 0.6180339887


class PosedCameras(Protocol):
    """What is needed of cameras; `neurfield.scenes.Cameras` has it."""

    @property
    def width(self) -> np.ndarray: ...

    @property
    def height(self) -> np.ndarray: ...

    def __len__(self) -> int: ...

    @property
    def centers(self) -> np.ndarray: ...

    def project(self, i: int, points_in_world: np.ndarray) -> tuple[np.ndarray, np.ndarray]: ...


class CamerasFrom:
    """Cameras of a world far from zero, their coordinates counted from a point [3] in it."""

    def __init__(self, cameras: PosedCameras, origin: np.ndarray) -> None:
        self._cameras, self._origin = cameras, origin

    @property
    def width(self) -> np.ndarray:
        return self._cameras.width

    @property
    def height(self) -> np.ndarray:
        return self._cameras.height

    def __len__(self) -> int:
        return len(self._cameras)

    @property
    def centers(self) -> np.ndarray:
        return np.asarray(self._cameras.centers - self._origin)

    def project(self, i: int, points_in_world: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return self._cameras.project(i, points_in_world + self._origin)


class Visibility:
    """Tells which points on a mesh some camera sees, through embree."""

    def __init__(self, mesh: trimesh.Trimesh, cameras: PosedCameras) -> None:
        self._cameras = cameras
        # Rays are single precision: far from the origin they would be coarse.
        self._origin = np.asarray(mesh.vertices).mean(axis=0)
        self._scene = ray_scene(np.asarray(mesh.vertices) - self._origin, np.asarray(mesh.faces))

    def sees(self, points: np.ndarray, normals: np.ndarray) -> np.ndarray:
        """Where some camera sees points [k,3] of the mesh with normals [k,3], not just grazing: bool [k]."""
        return self._any_camera(points, normals, STOP_SHORT)

    def nearly_sees(self, points: np.ndarray) -> np.ndarray:
        """Where some camera sees points [k,3] of the mesh, or what is right before them: bool [k]."""
        return self._any_camera(points, None, STOP_SHORT_LENIENT)

    def seen_from(self, i: int, points: np.ndarray) -> np.ndarray:
        """Where camera i sees points [k,3] of the mesh: bool [k]."""
        seen = in_picture(self._cameras, i, points)
        seen[seen] = ~self._blocked(self._cameras.centers[i], points[seen], STOP_SHORT)
        return seen

    def _any_camera(self, points: np.ndarray, normals: np.ndarray | None, stop_short: float) -> np.ndarray:
        visible = np.zeros(len(points), dtype=bool)
        rest = np.arange(len(points))
        for i in spread_out(len(self._cameras)):
            if not len(rest):
                break
            rows = rest[in_picture(self._cameras, i, points[rest])]
            if normals is not None:
                rows = rows[~_grazes(self._cameras.centers[i], points[rows], normals[rows])]
            visible[rows] = ~self._blocked(self._cameras.centers[i], points[rows], stop_short)
            rest = rest[~visible[rest]]
        return visible

    def _blocked(self, center: np.ndarray, points: np.ndarray, stop_short: float) -> np.ndarray:
        """Where the mesh stands between a camera's centre [3] and points [k,3]: bool [k]."""
        if not len(points):
            return np.zeros(0, dtype=bool)
        towards = points - center
        length = np.linalg.norm(towards, axis=1)
        directions = (towards / np.maximum(length, 1e-12)[:, None]).astype(np.float32)
        origins = np.repeat((center - self._origin).astype(np.float32)[None], len(points), axis=0)
        reach = (length * (1.0 - stop_short)).astype(np.float32)
        # The answer is -1 where nothing was hit within reach.
        return self._scene.run(origins, directions, dists=reach, query="OCCLUDED") != -1


def spread_out(count: int) -> list[int]:
    """Cameras in an order whose first few look from everywhere, so that most points are soon seen."""
    return [int(i) for i in np.argsort(np.arange(count) * _GOLDEN % 1.0)]


def in_picture(cameras: PosedCameras, i: int, points: np.ndarray) -> np.ndarray:
    """Where points [k,3] are in front of camera i and within its picture: bool [k]."""
    uv, z = cameras.project(i, points)
    with np.errstate(invalid="ignore"):
        within = (uv >= 0).all(axis=1) & (uv[:, 0] < cameras.width[i]) & (uv[:, 1] < cameras.height[i])
    return within & (z > 0)


def _grazes(center: np.ndarray, points: np.ndarray, normals: np.ndarray) -> np.ndarray:
    """Where the line from a camera's centre [3] to points [k,3] lies nearly in the surface: bool [k]."""
    towards = points - center
    across = np.abs(np.einsum("ki,ki->k", towards, normals))
    return across < GRAZING * np.linalg.norm(towards, axis=1)


def ray_scene(vertices: np.ndarray, faces: np.ndarray) -> Any:
    """The triangles in embree, which answers whether a ray meets any of them."""
    from embreex.mesh_construction import TriangleMesh
    from embreex.rtcore_scene import EmbreeScene

    scene = EmbreeScene()
    TriangleMesh(scene, vertices.astype(np.float32), faces.astype(np.int32))
    return scene
