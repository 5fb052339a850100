"""Poses in other axes, or inverted, seen without any depth: by where cameras look, and by what masks leave.

Around an object all cameras look at one point. The same poses in the other camera axes look away from it, and
inverted they stand in one place: a "room" that nobody walked through.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from neurfield.errors import UserError
from neurfield.scenes.box import cameras_kind, nearest_to_axes, visual_hull_box
from neurfield.scenes.cameras import Cameras
from neurfield.scenes.finding import Finding
from neurfield.scenes.frames import Frames, spread
from neurfield.scenes.reprojection import other_conventions
from neurfield.scenes.scene import Scene

_FEWEST, _MOST_MASKS, _MOST_POINTS = 3, 30, 1000
_CELLS = 24  # of the carved grid: whether anything is left is asked, not its shape
_OUTLINE = 0.6  # masks that cover less of most pictures are an object's outline
_PLACE, _ROUNDING = 1e-6, 1e-9  # metres, and of coordinates far from zero
_OFF_AXIS, _SIDES = 8.0, 60.0  # degrees


def in_one_place(cameras: Cameras) -> bool:
    """Whether all cameras stand in one place, but for rounding."""
    spread = float(np.ptp(cameras.centers, axis=0).max())
    return spread <= _PLACE + _ROUNDING * float(np.abs(cameras.centers).max())


def reading_findings(scene: Scene) -> Iterator[Finding]:
    """Whether the poses make more sense in another reading, where no depth can tell; nothing if not."""
    if len(scene) < _FEWEST or scene.sources & {"depth", "sensor_depth"}:
        return
    cameras, outlines = scene.cameras, _has_outlines(scene)
    if cameras_kind(cameras) == "outside" and not (outlines and not _masks_meet(scene, cameras)):
        return
    for what, other in other_conventions(cameras):
        if cameras_kind(other) != "outside" or (outlines and not _masks_meet(scene, other)):
            continue
        if scene.points is not None and _seen(cameras, scene.points) > _seen(other, scene.points):
            continue  # before a facade cameras look nearly the same way, and at no one point
        if outlines:
            sentence = f"no place is inside all masks, but there is one if {what}"
            yield Finding("error", sentence, "poses", "convert the poses")
            return
        away = "cam_from_world" not in what
        if away or _surround(other):
            would = "look away from one point between them; they would" if away else "would"
            sentence = f"all cameras {would} look in at one thing from around it if {what}"
            yield Finding("warn", sentence, "poses", "convert the poses, unless they are those of a room")
            return


def _seen(cameras: Cameras, points: np.ndarray) -> float:
    """How many of some sparse points [k,3] a camera has in its picture, on average."""
    some = points[spread(len(points), _MOST_POINTS)]
    return float(np.mean([cameras.in_view(int(i), some).sum() for i in spread(len(cameras), _MOST_MASKS)]))


def _surround(cameras: Cameras) -> bool:
    """Whether cameras look at one point from so many sides, and so well, that it is no chance.

    Loosely, the inverted poses of one tour of a room in fifty do so, too.
    """
    point = nearest_to_axes(cameras)
    if point is None:
        return False
    directions = cameras.view_directions
    to_point = point - cameras.centers
    cosine = np.einsum("ni,ni->n", to_point, directions) / np.maximum(np.linalg.norm(to_point, axis=1), 1e-12)
    sides = float((directions @ directions.T).min())
    return float(np.median(cosine)) > np.cos(np.radians(_OFF_AXIS)) and sides < np.cos(np.radians(_SIDES))


def _has_outlines(scene: Scene) -> bool:
    """Whether most masks cover a part of the picture only, as the outline of an object does."""
    if "mask" not in scene.sources:
        return False
    masks = [scene.mask(int(i)) for i in spread(len(scene), 20)]
    covered = [float(mask.mean()) for mask in masks if mask is not None]
    return bool(covered) and float(np.median(covered)) < _OUTLINE


def _masks_meet(scene: Scene, cameras: Cameras) -> bool:
    """Whether some place is inside the masks, if these are the cameras."""
    masks = scene.files["mask"]
    masked = np.flatnonzero([path is not None for path in masks.paths])
    few = masked[spread(len(masked), _MOST_MASKS)]
    frames = Frames(scene.name, scene.path, cameras.select(few), {"mask": masks.select(few)})
    try:
        visual_hull_box(frames, cells=_CELLS)
    except UserError:
        return False
    return True
