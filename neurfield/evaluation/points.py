"""A surface that is known by points alone, as scanners leave it."""

from __future__ import annotations

import numpy as np
import trimesh
from scipy.spatial import cKDTree

from neurfield.errors import UserError
from neurfield.evaluation.culling import PosedCameras, in_picture
from neurfield.evaluation.nearest import Nearest
from neurfield.evaluation.sampling import MeshSamples


class PointSide:
    """A surface of points: those in the picture of some camera, and the nearest of them to any point.

    Points hide nothing and have no normals.

    Attributes:
        samples: at most `count` of these points, drawn by `rng`.
        seen_share: the share of all points that is in some picture.
    """

    normals = None

    def __init__(
        self,
        cloud: trimesh.PointCloud,
        what: str,
        cameras: PosedCameras | None,
        count: int,
        rng: np.random.Generator,
    ) -> None:
        points = np.asarray(cloud.vertices, dtype=np.float64)
        if not len(points):
            raise UserError(f"{what} has no points: there is nothing to measure")
        if not np.isfinite(points).all():
            raise UserError(f"{what} has points that are NaN or infinite: write it again without them")
        visible = np.ones(len(points), bool) if cameras is None else _in_some_picture(points, cameras)
        self.seen_share = float(visible.mean())
        if not visible.any():
            raise UserError(f"no camera sees {what}: check that it is in the frame of the scene")
        kept = points[visible]
        self._tree = cKDTree(kept)
        drawn = rng.choice(len(kept), count, replace=False) if len(kept) > count else np.arange(len(kept))
        self.samples = MeshSamples(kept[drawn], np.zeros(len(drawn), int))

    def nearest(self, queries: MeshSamples) -> Nearest:
        """The nearest point that counts for each query."""
        distance, _ = self._tree.query(queries.points, workers=-1)
        return Nearest(distance, np.zeros(len(distance), int))


def _in_some_picture(points: np.ndarray, cameras: PosedCameras) -> np.ndarray:
    visible = np.zeros(len(points), bool)
    for i in range(len(cameras)):
        rest = np.flatnonzero(~visible)
        if not len(rest):
            break
        visible[rest] = in_picture(cameras, i, points[rest])
    return visible
