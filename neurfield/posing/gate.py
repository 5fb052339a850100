"""How good found poses are: a few numbers, and which of them forbids trust."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

# Below or above these, a fit is likely to go wrong.
_LEAST_SHARE, _MOST_ERROR, _LEAST_TRACK, _LEAST_ANGLE = 0.8, 1.0, 3.0, 3.0


@dataclass(frozen=True)
class Points:
    """The points of a model.

    Attributes:
        places: [k,3], in the model's world.
        error: [k], mean distance from where the pictures show them, pixels.
        track: [k], how many pictures show them.
        angle: [k], the widest between two rays to them, degrees.
        number: [k] int64, of the model.
    """

    places: np.ndarray
    error: np.ndarray
    track: np.ndarray
    angle: np.ndarray
    number: np.ndarray

    def sure(self) -> Points:
        """Those that three pictures see, well, from different sides."""
        kept = (self.track >= 3) & (self.error <= 2.0) & (self.angle >= 2.0)
        return Points(*(getattr(self, one.name)[kept] for one in fields(self)))


@dataclass(frozen=True)
class PoseNumbers:
    """Numbers of found poses.

    Attributes:
        registered, pictures: how many of how many have a pose.
        points: how many.
        error: mean reprojection error, pixels.
        track: how many pictures show a point, the median.
        angle: how far apart the rays to a point are, degrees, the median.
    """

    registered: int
    pictures: int
    points: int
    error: float
    track: float
    angle: float

    def doubts(self) -> list[str]:
        """What speaks against trusting the poses, one line a number; nothing if all is well."""
        found = []
        if self.registered < _LEAST_SHARE * self.pictures:
            found.append(
                f"only {self.registered} of {self.pictures} pictures have a pose (80 % is usual): "
                "take more photos between those that have and those that have not"
            )
        if self.error > _MOST_ERROR:
            found.append(
                f"points lie {self.error:.2f} pixels from where the pictures show them (1 is usual): "
                "look for moving things, photos edited or zoomed, a rolling shutter"
            )
        if self.track < _LEAST_TRACK:
            found.append(
                f"half of the points are seen by fewer than {_LEAST_TRACK:.0f} pictures "
                f"(median {self.track:.0f}): take photos that overlap more"
            )
        if self.angle < _LEAST_ANGLE:
            found.append(
                f"the rays to a point are {self.angle:.1f} degrees apart (3 is the least): "
                "walk farther between photos instead of turning on the spot"
            )
        return found


def points_of(model: Any) -> Points:
    """The points of a reconstruction of pycolmap."""
    centres = {image: model.images[image].projection_center() for image in model.reg_image_ids()}
    rows = []
    for number, point in model.points3D.items():
        seen_from = np.array([centres[e.image_id] for e in point.track.elements if e.image_id in centres])
        rays = seen_from - point.xyz
        rays /= np.maximum(np.linalg.norm(rays, axis=1, keepdims=True), 1e-12)
        angle = np.degrees(np.arccos(np.clip((rays @ rays.T).min(), -1.0, 1.0)))
        rows.append([*point.xyz, point.error, len(seen_from), angle, number])
    table = np.array(rows, dtype=np.float64).reshape(-1, 7)
    error, track, angle, numbers = table[:, 3:].T
    return Points(table[:, :3], error, track, angle, numbers.astype(np.int64))


def numbers_of(model: Any, points: Points, pictures: int) -> PoseNumbers:
    """The numbers of a reconstruction, of so many pictures."""
    some = len(points.places) > 0
    return PoseNumbers(
        model.num_reg_images(),
        pictures,
        len(points.places),
        float(model.compute_mean_reprojection_error()) if some else 0.0,
        float(np.median(points.track)) if some else 0.0,
        float(np.median(points.angle)) if some else 0.0,
    )
