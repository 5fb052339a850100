"""The true surface beside what was fitted to it: as a layer, how far it is, and errors as colours."""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np
import trimesh
from scipy.spatial import cKDTree

from neurfield.errors import UserError
from neurfield.surface_file import Surface
from neurfield.viewer.layers import Points, Triangles, triangles_of
from neurfield.viewer.palettes import Scale, round_up
from neurfield.viewer.seen import points_of

_COMMON = 90.0  # per cent of the errors that lie within the scale


class NearestTruth:
    """Finds the true surface; it is read, and its tree built, when it is first asked.

    Args:
        read: gives triangles or points, world.
        origin: [3], what is added to a place as shown to have it in the world.
    """

    def __init__(self, read: Callable[[], Surface | None], origin: np.ndarray) -> None:
        self._read, self._origin, self._lock = read, origin, threading.Lock()
        self._surface: Surface | None = None
        self._distance: Callable[[np.ndarray], np.ndarray] | None = None

    @property
    def surface(self) -> Surface:
        """The true surface, world; UserError where it cannot be read."""
        with self._lock:
            if self._surface is None:
                self._surface = self._read()
            if self._surface is None:
                raise UserError("there is no true surface")
            return self._surface

    @property
    def origin(self) -> np.ndarray:
        """What lies at zero as shown, world [3]."""
        return self._origin

    def __call__(self, points: np.ndarray) -> np.ndarray:
        """Distances [k] of points [k, 3] as shown; UserError where the true surface cannot be read."""
        surface = self.surface
        with self._lock:
            if self._distance is None:
                self._distance = _distance_to(surface, self._origin)
        return self._distance(np.asarray(points))


def _distance_to(surface: Surface, origin: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    vertices = np.asarray(surface.vertices) - origin
    if not isinstance(surface, trimesh.Trimesh):
        cloud = cKDTree(vertices)
        return lambda points: np.asarray(cloud.query(points)[0])
    import torch  # seconds, which nobody waits for who looks at the surface alone

    from neurfield.ops import TriangleTree

    tree = TriangleTree(torch.from_numpy(vertices[np.asarray(surface.faces)]).float())
    return lambda points: tree.nearest(torch.from_numpy(points).float()).distance.numpy()


def truth_of(nearest: NearestTruth) -> Triangles | Points:
    """The true surface as it is shown."""
    surface = nearest.surface
    if isinstance(surface, trimesh.Trimesh):
        return triangles_of(surface, nearest.origin)
    return points_of(surface, nearest.origin)


def error_colors(triangles: Triangles, nearest: NearestTruth, unit: str) -> Triangles:
    """A surface in the colours of its distance to the true one, up to what 90 of 100 vertices keep within."""
    distance = nearest(triangles.vertices)
    scale = Scale(
        0.0, round_up(float(np.percentile(distance, _COMMON))), unit, "distance to the true surface"
    )
    return triangles.painted(scale.colors(distance), scale)
