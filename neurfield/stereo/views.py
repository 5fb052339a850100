"""Which pictures a picture is compared with: by angle at what it sees, overlap, scale, and spread."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from neurfield.scenes import Cameras
from neurfield.scenes.box import nearest_to_axes

LEAST_ANGLE, MOST_ANGLE = 2.0, 60.0  # degrees between the rays of two pictures, beyond which they do not help
ANGLE_OBJECT, ANGLE_ROOM = 12.0, 15.0  # degrees that are best
_BELOW, _ABOVE = 0.38, 0.7  # parts of the best angle: how fast others count less
_ALIKE = 40.0  # degrees up to which most of a patch still looks alike
_LARGER = 1.6  # times as fine as the reference, up to which a source is as good as any
_SAME_DIRECTION = np.cos(np.radians(5.0))
_FEWEST_POINTS, _FEWEST_PIXELS = 0.05, 1.5  # share of points that a source sees; pixels of parallax


def select_sources(
    cameras: Cameras,
    references: np.ndarray,
    points: Sequence[np.ndarray],
    *,
    count: int,
    best_angle: float,
    candidates: np.ndarray | None = None,
) -> np.ndarray:
    """Sources of each reference, the best first: int64 [R, count], -1 where there are no more.

    A source counts at each point by the angle between its ray and the reference's, and by how fine its pixels
    are there (OpenMVS, Scene.cpp). Sources are taken one by one; points that one of them sees count half for
    others that see them from within 5 degrees of it, so that sources surround the reference. An angle below 2
    degrees counts nothing, however well pictures overlap, unless a reference has no better source at all.

    Args:
        cameras: n pinhole cameras.
        references: int64 [R], of the cameras.
        points: for each reference points [m, 3] that it sees, world; where there are none there is no source.
        count: sources a reference.
        best_angle: degrees.
        candidates: bool [n], which cameras may be sources; None: all.
    """
    chosen = np.full((len(references), count), -1, np.int64)
    middle = cameras.centers.mean(axis=0)  # counted from there, because poses may be far from zero
    for k, (r, seen) in enumerate(zip(references.tolist(), points)):
        if not len(seen):
            continue
        for least in (LEAST_ANGLE, 0.0):
            weights, direction = _weights(cameras, r, seen - middle, middle, best_angle, least)
            weights[r] = 0.0
            if candidates is not None:
                weights[~candidates] = 0.0
            if weights.any():
                break
        for j in range(count):
            total = weights.mean(axis=1)
            best = int(total.argmax())
            if total[best] <= 1e-4:
                break
            chosen[k, j] = best
            near = np.einsum("nmi,mi->nm", direction, direction[best]) > _SAME_DIRECTION
            weights = np.where(near & (weights[best] > 0), 0.5 * weights, weights)
            weights[best] = 0.0
    return chosen


def look_alike(cameras: Cameras) -> bool:
    """Whether most of n pinhole cameras have another to which what they look at looks alike.

    What they look at is the point nearest to all optical axes: the cameras are around an object.
    """
    point = nearest_to_axes(cameras) if len(cameras) > 1 else None
    if point is None:
        return False
    ray = point - cameras.centers
    ray = ray / np.linalg.norm(ray, axis=1, keepdims=True).clip(1e-12)
    angle = np.degrees(np.arccos((ray @ ray.T).clip(-1.0, 1.0)))
    return bool(((angle >= LEAST_ANGLE) & (angle <= _ALIKE)).any(axis=1).mean() > 0.5)


def _weights(
    cameras: Cameras, r: int, points: np.ndarray, middle: np.ndarray, best_angle: float, least: float
) -> tuple[np.ndarray, np.ndarray]:
    """How much each camera counts at each point [n, m], and the directions to the cameras [n, m, 3]."""
    pose = cameras.world_from_cam
    to_camera = (cameras.centers - middle)[:, None] - points
    in_cam = -np.einsum("nij,nmi->nmj", pose[:, :3, :3], to_camera)
    z = in_cam[..., 2]
    with np.errstate(divide="ignore", invalid="ignore"):
        u = in_cam[..., 0] / z * cameras.fx[:, None] + cameras.cx[:, None]
        v = in_cam[..., 1] / z * cameras.fy[:, None] + cameras.cy[:, None]
        inside = (z > 0) & (u >= 0) & (v >= 0) & (u < cameras.width[:, None]) & (v < cameras.height[:, None])
        footprint = z / cameras.fx[:, None]
        finer = footprint[r] / footprint
    direction = to_camera / np.maximum(np.linalg.norm(to_camera, axis=2, keepdims=True), 1e-12)
    cosine = np.einsum("nmi,mi->nm", direction, direction[r])
    angle = np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0)))
    spread = np.where(angle < best_angle, _BELOW, _ABOVE) * best_angle
    by_angle = np.exp(-((angle - best_angle) ** 2) / (2.0 * spread**2))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        by_scale = np.where(finer > _LARGER, (_LARGER / finer) ** 2, np.minimum(finer, 1.0) ** 2)
    parallax = np.radians(angle) * np.sqrt(cameras.fx * cameras.fy)[:, None]
    counts = inside & (angle >= least) & (angle <= MOST_ANGLE) & (parallax >= _FEWEST_PIXELS)
    weights = np.where(counts, by_angle * by_scale, 0.0)
    weights[counts.mean(axis=1) < _FEWEST_POINTS] = 0.0
    return weights, direction
