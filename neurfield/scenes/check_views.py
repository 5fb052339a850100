"""Where cameras stand against what they see: sparse points that miss, baselines, parts of the box unseen."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from neurfield.errors import UserError
from neurfield.scenes.box import nearest_to_axes
from neurfield.scenes.check_readings import in_one_place
from neurfield.scenes.coverage import cameras_of_cells
from neurfield.scenes.finding import Finding, Level, listed
from neurfield.scenes.scene import Scene

_FEWEST_SIGHTINGS = 50
_FEWEST_OF_FRAME = 10
# Pixels, or of the picture's longer side where that is more: what bundle adjustment leaves.
_USUAL_ERROR, _USUAL_SHARE = 2.0, 0.002
_OTHER_CAMERAS = 0.02  # of the longer side: these are not the cameras of these points
_WORSE = 4.0  # times the median of all frames
_LEAST_ANGLE, _MOST_ANGLE = 1.5, 35.0  # degrees between views of which depth can be told, and be matched
_FACING = 75.0  # degrees between cameras that may see the same side of something
_SEEN_TWICE = 0.25  # of the box


def view_findings(scene: Scene) -> Iterator[Finding]:
    """Findings about sparse points, baselines and coverage, in that order; no picture is read."""
    yield from _reprojection(scene)
    yield from _baselines(scene)
    yield from _coverage(scene)


def _reprojection(scene: Scene) -> Iterator[Finding]:
    """Whether sparse points land where frames see them."""
    tracks, points = scene.tracks, scene.points
    if tracks is None or points is None or len(tracks) < _FEWEST_SIGHTINGS:
        return
    errors = tracks.errors(scene.cameras, points)
    side = float(np.median(np.maximum(scene.cameras.width, scene.cameras.height)))
    median, high = (float(v) for v in np.percentile(errors, [50.0, 95.0], method="lower"))
    sentence = f"{len(points)} points, {len(tracks)} sightings, {median:.2f} pixels off at the median"
    sentence += f", {high:.2f} at 95 %" if np.isfinite(high) else ", many behind their cameras"
    allowed = max(_USUAL_ERROR, _USUAL_SHARE * side)
    level: Level = "ok" if median <= allowed else "warn" if median <= _OTHER_CAMERAS * side else "error"
    todo = {
        "ok": "", "warn": "find poses again (neurfield scene convert --poses-from-pictures)",
        "error": "these cameras are not those of the points: check the lens, the pictures' size, the poses",
    }[level]  # fmt: skip
    yield Finding(level, sentence, "sparse points", todo)
    counts = np.bincount(tracks.frame, minlength=len(scene))
    each = np.zeros(len(scene))
    for i in np.flatnonzero(counts >= _FEWEST_OF_FRAME):
        each[i] = np.median(errors[tracks.frame == i])
    off = np.flatnonzero(each > max(allowed, _WORSE * median))
    if level != "error" and len(off):
        worst = int(off[each[off].argmax()])
        what = f"{listed(off)} off where others are not: {each[worst]:.1f} pixels in frame {worst}"
        yield Finding("warn", what, "sparse points", "take them out, or register them again")
    alone = np.flatnonzero(counts < _FEWEST_OF_FRAME)
    if len(alone):
        what = f"{listed(alone)} tied to the others by fewer than {_FEWEST_OF_FRAME} points"
        yield Finding("warn", what, "sparse points", "mistrust their poses")


def _baselines(scene: Scene) -> Iterator[Finding]:
    """From how different places the same is seen: near ones tell no depth, far ones do not match."""
    if len(scene) < 2 or in_one_place(scene.cameras):
        return  # said of the poses
    try:
        nearest, widest = triangulation_angles(scene)
    except UserError:
        return  # said of the box
    sensed = bool(scene.sources & {"depth", "sensor_depth"})
    near, wide = float(np.median(nearest)), float(np.median(widest))
    sentence = f"the same is seen from {near:.1f} degrees aside by the next frame, from {wide:.0f} by another"
    sentence += " (medians)"
    if sensed or (wide >= _LEAST_ANGLE and near <= _MOST_ANGLE):
        yield Finding("ok", sentence, "baselines")
    elif wide < _LEAST_ANGLE:
        what = (
            f"the cameras turn on the spot: what one sees, others see from at most {wide:.2g} degrees aside"
        )
        yield Finding("warn", what, "baselines", "walk while recording: turning shows no depth")
    else:
        what = f"the next frame sees the same from {near:.0f} degrees aside: too far to be matched"
        yield Finding("warn", what, "baselines", f"take pictures less than {_MOST_ANGLE:.0f} degrees apart")
    alone = np.flatnonzero(widest < _LEAST_ANGLE)
    if not sensed and wide >= _LEAST_ANGLE and len(alone):
        what = f"{listed(alone)} only turned: what is seen there no other frame sees from aside"
        yield Finding("warn", what, "baselines", "add pictures from beside them")


def _coverage(scene: Scene) -> Iterator[Finding]:
    """How much of the box cameras see."""
    try:
        counts = cameras_of_cells(scene.cameras, scene.box)
    except UserError:
        return  # said of the box
    twice = float((counts > 1).mean())
    sentence = f"each part of the box is in view of {np.median(counts):.0f} cameras (median), "
    sentence += f"{100 * twice:.0f} % of it of two or more"
    if twice >= _SEEN_TWICE or len(scene) < 2:
        yield Finding("ok", sentence, "coverage")
    else:
        todo = "give a box around what the cameras see, or add pictures of the rest"
        yield Finding("warn", sentence, "coverage", todo)


def triangulation_angles(scene: Scene) -> tuple[np.ndarray, np.ndarray]:
    """How far aside other frames stand, degrees, from what each sees in its middle.

    Returns:
        Of each frame [n] the angle to the next frame that has it in view, and to the farthest one; 0: none
        has it.
    """
    cameras = scene.cameras
    spots = cameras.centers + cameras.view_directions * seen_distance(scene)[:, None]
    n = len(cameras)
    nearest, widest = np.zeros(n), np.zeros(n)
    to_camera = cameras.centers[None] - spots[:, None]  # [spot, camera]
    to_camera /= np.maximum(np.linalg.norm(to_camera, axis=2, keepdims=True), 1e-12)
    own = to_camera[np.arange(n), np.arange(n)]
    angle = np.degrees(np.arccos(np.clip(np.einsum("ijk,ik->ij", to_camera, own), -1.0, 1.0)))
    for j in range(n):
        inside = cameras.in_view(j, spots)
        angle[~inside, j] = np.nan
    angle[np.arange(n), np.arange(n)] = np.nan
    angle[angle > _FACING] = np.nan
    for i, row in enumerate(angle):
        seen = row[np.isfinite(row)]
        if len(seen):
            nearest[i], widest[i] = seen.min(), seen.max()
    return nearest, widest


def seen_distance(scene: Scene) -> np.ndarray:
    """How far ahead of each camera [n] there is something: sparse points, else the box.

    Raises:
        UserError: there is no box.
    """
    cameras, points, tracks = scene.cameras, scene.points, scene.tracks
    ahead = np.full(len(cameras), np.nan)
    for i in range(len(cameras)):
        if points is None:
            break
        if tracks is not None:
            z = cameras.project(i, points[tracks.point[tracks.frame == i]])[1]
        else:
            z = cameras.project(i, points)[1][cameras.in_view(i, points)]
        z = z[z > 0]
        if len(z) >= _FEWEST_OF_FRAME:
            ahead[i] = np.median(z)
    lost = ~np.isfinite(ahead)
    if lost.any():
        ahead[lost] = _ahead_in_box(scene)[lost]
    return ahead


def _ahead_in_box(scene: Scene) -> np.ndarray:
    """How far ahead the middle of the object is, or the wall of the room [n]."""
    cameras, box = scene.cameras, scene.box
    if scene.kind == "outside":
        middle = nearest_to_axes(cameras)
        middle = box.mean(axis=0) if middle is None else middle
        return np.linalg.norm(cameras.centers - middle, axis=1)
    axes = np.where(np.abs(cameras.view_directions) < 1e-9, 1e-9, cameras.view_directions)
    to_walls = (np.where(axes > 0, box[1], box[0]) - cameras.centers) / axes
    return np.maximum(to_walls.min(axis=1), 1e-3 * float(np.ptp(box, axis=0).max()))
