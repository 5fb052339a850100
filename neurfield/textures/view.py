"""What one picture shows of a surface: which points, how well, in which colours."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
from scipy.ndimage import distance_transform_edt, map_coordinates

from neurfield.scenes import Cameras
from neurfield.scenes.synthesis.raycast import RayCaster

_LARGEST = 1024  # pixels along the longer side of a depth map
_SLACK = 0.004  # of the depth: a point so far behind what the depth map says is still seen
_JUMP = 0.02  # of the inverse depth, off a plane within a pixel: an edge behind which something else begins
_SAFE = 4.0  # pixels from such an edge, and from the picture's border, at which a colour counts in full
_STEEPEST = 0.15  # cosine: surfaces that are seen from flatter are not


class Look(NamedTuple):
    """Points that a picture shows.

    Attributes:
        rows: int64 [k], of the points.
        weight: float32 [k], how well they are seen: pixels per length, times the cosine of the angle; less
            next to edges.
        rgb: float32 [k, 3] in 0..1.
    """

    rows: np.ndarray
    weight: np.ndarray
    rgb: np.ndarray


class Pictures(Protocol):
    """Posed pictures, as a `neurfield.scenes.Scene` has them."""

    @property
    def cameras(self) -> Cameras: ...

    def image(self, i: int) -> np.ndarray: ...

    def mask(self, i: int) -> np.ndarray | None: ...


class Viewer:
    """Tells what pictures show of points on a mesh.

    Args:
        vertices: [v, 3] world.
        faces: [f, 3].
        pictures: with their cameras.
        origin: [3] world, from which `vertices` may be counted in float32.
    """

    def __init__(
        self, vertices: np.ndarray, faces: np.ndarray, pictures: Pictures, origin: np.ndarray
    ) -> None:
        self.pictures, self.origin = pictures, origin
        self.caster = RayCaster(vertices - origin, faces)
        corners = vertices[faces]
        self.middles = corners.mean(axis=1)
        across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        self.normals = across / np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-300)

    def look(self, i: int, points: np.ndarray, normals: np.ndarray, starts: np.ndarray) -> Look:
        """What picture i shows of points that lie on the faces.

        Args:
            i: of the picture.
            points: float64 [t, 3] world, face by face.
            normals: float32 [t, 3] unit.
            starts: int64 [f + 1], where the points of each face begin.
        """
        depth, scale, hit = self._depth(i)
        rows = _ranges(starts, self._facing(i, depth, scale, hit))
        cameras, points = self.pictures.cameras, points[rows]
        uv, z = cameras.project(i, points)
        width, height = int(cameras.width[i]), int(cameras.height[i])
        with np.errstate(invalid="ignore"):
            inside = (uv >= 0.5).all(axis=1) & (uv < [width - 0.5, height - 0.5]).all(axis=1)
        rows, points, uv, z = rows[inside], points[inside], uv[inside], z[inside]
        towards = cameras.centers[i] - points
        distance = np.linalg.norm(towards, axis=1)
        cosine = np.einsum("ki,ki->k", normals[rows], towards) / np.maximum(distance, 1e-300)
        seen = self._sees(depth, scale, uv, z, cosine, float(cameras.fx[i])) & (cosine > _STEEPEST)
        rows, uv, z, cosine = rows[seen], uv[seen], z[seen], cosine[seen]
        safe = self._safety(i, depth, scale)
        weight = cosine * float(cameras.fx[i]) / z * at_pixels(safe, uv * scale)
        rgb = at_pixels(self.pictures.image(i), uv) / np.float32(255.0)
        counts = weight > 0
        return Look(rows[counts], weight[counts].astype(np.float32), rgb[counts])

    def _depth(self, i: int) -> tuple[np.ndarray, float, np.ndarray]:
        """z-depth [h, w] of the mesh, inf = none; its pixels per picture's; and which faces were hit."""
        cameras = self.pictures.cameras
        width, height = int(cameras.width[i]), int(cameras.height[i])
        scale = min(1.0, _LARGEST / max(width, height))
        w, h = max(1, round(width * scale)), max(1, round(height * scale))
        column, row = np.meshgrid(np.arange(w) + 0.5, np.arange(h) + 0.5)
        uv = np.stack([column.reshape(-1) * (width / w), row.reshape(-1) * (height / h)], axis=1)
        origins, directions, z_per_t = cameras.rays(np.full(len(uv), i), uv)
        hits = self.caster.first_hits(origins - self.origin, directions)
        hit = np.zeros(len(self.middles), dtype=bool)
        hit[hits.face[hits.face >= 0]] = True
        return (hits.distance * z_per_t).reshape(h, w), w / width, hit

    def _facing(self, i: int, depth: np.ndarray, scale: float, hit: np.ndarray) -> np.ndarray:
        """Faces that the picture may show: those that were hit, and small ones whose middle is not hidden."""
        cameras = self.pictures.cameras
        near = np.flatnonzero(np.einsum("ki,ki->k", self.normals, cameras.centers[i] - self.middles) > 0.0)
        uv, z = cameras.project(i, self.middles[near])
        with np.errstate(invalid="ignore"):
            inside = (uv >= 0).all(axis=1) & (uv < [cameras.width[i], cameras.height[i]]).all(axis=1)
        near, uv, z = near[inside], uv[inside], z[inside]
        may = hit.copy()
        may[near[z <= _nearest(depth, uv * scale) * 1.05]] = True
        return np.flatnonzero(may)

    def _sees(
        self, depth: np.ndarray, scale: float, uv: np.ndarray, z: np.ndarray, cosine: np.ndarray, focal: float
    ) -> np.ndarray:
        """Whether nothing stands before points; steep surfaces change their depth within a pixel."""
        tangent = np.sqrt(np.maximum(1.0 - cosine**2, 0.0)) / np.maximum(cosine, _STEEPEST)
        slack = z * (_SLACK + 1.5 * tangent / (focal * scale))
        return np.asarray(z <= _nearest(depth, uv * scale) + slack)

    def _safety(self, i: int, depth: np.ndarray, scale: float) -> np.ndarray:
        """0..1 for the pixels of a depth map: 0 next to edges, the picture's border and what is masked."""
        inverse = np.pad(1.0 / np.maximum(depth, 1e-12), 1, mode="edge")
        here = inverse[1:-1, 1:-1]
        # A plane's inverse depth is linear in the picture, however steep it is.
        bends = np.maximum(
            np.abs(inverse[1:-1, 2:] + inverse[1:-1, :-2] - 2 * here),
            np.abs(inverse[2:, 1:-1] + inverse[:-2, 1:-1] - 2 * here),
        )
        good = (bends < _JUMP * here) & (here > 0)
        mask = self.pictures.mask(i)
        if mask is not None:
            h, w = depth.shape
            rows = ((np.arange(h) + 0.5) * (mask.shape[0] / h)).astype(np.int64)
            columns = ((np.arange(w) + 0.5) * (mask.shape[1] / w)).astype(np.int64)
            good &= mask[rows[:, None], columns[None]] > 0
        away = distance_transform_edt(np.pad(good, 1))[1:-1, 1:-1]
        return np.clip((away - 1.0) / (_SAFE * max(scale, 0.25)), 0.0, 1.0).astype(np.float32)


def _ranges(starts: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """The rows of some faces, whose rows begin at `starts`."""
    first, count = starts[chosen], starts[chosen + 1] - starts[chosen]
    ends = np.cumsum(count)
    return np.arange(ends[-1] if len(ends) else 0) + np.repeat(first - (ends - count), count)


def _nearest(values: np.ndarray, uv: np.ndarray) -> np.ndarray:
    """The values [k] of the pixels that uv [k, 2] lie in."""
    h, w = values.shape
    column = np.clip(uv[:, 0].astype(np.int64), 0, w - 1)
    row = np.clip(uv[:, 1].astype(np.int64), 0, h - 1)
    return np.asarray(values[row, column])


def at_pixels(picture: np.ndarray, uv: np.ndarray) -> np.ndarray:
    """A picture [h, w] or [h, w, c] at uv [k, 2] between its pixels' centres: float32 [k] or [k, c]."""
    place = np.stack([uv[:, 1] - 0.5, uv[:, 0] - 0.5])
    if picture.ndim == 2:
        return map_coordinates(picture, place, np.float32, order=1, mode="nearest")
    planes = [at_pixels(picture[..., k], uv) for k in range(picture.shape[2])]
    return np.stack(planes, axis=1)
