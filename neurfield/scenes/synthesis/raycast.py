"""Rays against a triangle mesh: first hits and occlusion, through Embree.

Embree works in float32: positions within some 10 m of the origin come back to a few micrometres, far below
the unit (0.15 mm) of the depth maps made from them.
"""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from embreex.rtcore_scene import EmbreeScene

# A shadow ray stops this fraction short of its target, so that the lamp's own surface does not shade it.
_REACH = np.float32(0.999)


@dataclass(frozen=True)
class Hits:
    """First hits of k rays.

    Attributes:
        face: [k] int32, -1 = none.
        distance: [k] float32 in units of the direction's length, inf = none.
        u, v: [k] float32, barycentric weights of the face's second and third corner.
    """

    face: np.ndarray
    distance: np.ndarray
    u: np.ndarray
    v: np.ndarray


class RayCaster:
    """A mesh ready for ray queries; queries may run in several threads at once.

    Args:
        vertices: [v,3] float, metres.
        faces: [f,3] int.
        watertight: without it rays are a fifth quicker, and one in millions may slip between two faces.
    """

    def __init__(self, vertices: np.ndarray, faces: np.ndarray, watertight: bool = True) -> None:
        self._vertices = np.ascontiguousarray(vertices, np.float32)
        self._faces = np.ascontiguousarray(faces, np.int32)
        self._watertight = watertight
        self._lock = Lock()
        self._built: EmbreeScene | None = None

    @property
    def _scene(self) -> EmbreeScene:
        """Built when it is first asked something: of the coarse surface nothing is."""
        with self._lock:
            if self._built is None:
                from embreex.mesh_construction import TriangleMesh
                from embreex.rtcore_scene import EmbreeScene

                scene = EmbreeScene(robust=self._watertight)
                self._mesh = TriangleMesh(scene, self._vertices, self._faces)
                # The tree is built by the first query; threads must find it built.
                nowhere = np.zeros((1, 3), np.float32)
                scene.run(nowhere, nowhere + 1.0, query="OCCLUDED")
                self._built = scene
            return self._built

    def first_hits(self, origins: np.ndarray, directions: np.ndarray) -> Hits:
        """The nearest face along each ray, world.

        Args:
            origins: [k,3], [1,3] or [3].
            directions: [k,3], of any length.
        """
        directions = np.ascontiguousarray(directions, np.float32)
        origins = np.ascontiguousarray(np.broadcast_to(np.asarray(origins, np.float32), directions.shape))
        hits = self._scene.run(origins, directions, query="INTERSECT", output=True)
        face = hits["primID"]
        distance = np.where(face >= 0, hits["tfar"], np.float32(np.inf))
        return Hits(face, distance, hits["u"], hits["v"])

    def occluded(self, origins: np.ndarray, to_targets: np.ndarray) -> np.ndarray:
        """Whether something stands between origins [k,3] and origins + to_targets [k,3]: bool [k]."""
        origins = np.ascontiguousarray(origins, np.float32)
        to_targets = np.ascontiguousarray(to_targets, np.float32)
        reach = np.full(len(origins), _REACH, np.float32)
        return self._scene.run(origins, to_targets, reach, query="OCCLUDED") >= 0
