"""Whether priors are what they must be: numbers, depth and not disparity, normals in our axes.

All of it by the data: `neurfield.scenes.prior_readings` says why. What is missing of some frames is no fault,
because they are fitted by their pictures; what says the wrong thing is one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from neurfield.scenes.box import box_around_cameras
from neurfield.scenes.check_readings import in_one_place
from neurfield.scenes.finding import Finding, listed
from neurfield.scenes.frames import spread
from neurfield.scenes.prior_axes import explained, judge_normals
from neurfield.scenes.prior_readings import PriorLook, prior_look, rank_correlation
from neurfield.scenes.scene import Scene

PRIOR_SOURCES = ("prior_depth", "prior_normal")
_MOST_FRAMES = 30
_KNOWN = frozenset({"depth", "sensor_depth", "stereo_depth"})
AGREE, AGAINST = 0.3, -0.3  # correlations that nothing but chance makes of right priors, and of wrong ones
_AXES = "write them in OpenCV camera axes (x right, y down, z forward), towards the camera"


def prior_findings(scene: Scene) -> list[Finding]:
    """Findings about prior depth and normals: all of depth is read, and some thirty frames of normals.

    Raises:
        UserError: one of their files cannot be read.
    """
    depth, normal = ("prior_depth" in scene.sources, "prior_normal" in scene.sources)
    findings = [*(_depth_values(scene) if depth else ()), *(_normal_values(scene) if normal else ())]
    if any(finding.level == "error" for finding in findings):
        return findings
    frames = [int(i) for i in spread(len(scene), _MOST_FRAMES)]
    looks = [(i, look) for i in frames if (look := _look(scene, i)) is not None]
    grows = grows_with_depth(scene, looks) if depth else float("nan")
    known = bool(_KNOWN & scene.sources)
    by = "known depth" if known else "how far the box around the cameras goes"
    disparity = list(_disparity(grows, by, looks)) if depth else []
    # Of disparity the normals are asked as of the depth that it would be.
    sense = -1.0 if any(finding.level == "error" for finding in disparity) else 1.0
    return [*findings, *disparity, *(_normal_axes(looks, sense) if normal else ())]


def _look(scene: Scene, i: int) -> PriorLook | None:
    normal, depth = scene.prior_normal(i), scene.prior_depth(i)
    if normal is None and depth is None:
        return None
    return prior_look(scene.cameras, i, normal, depth)


def _depth_values(scene: Scene) -> Iterator[Finding]:
    """Frames without prior depth, such with one value all over, and pixels that have none."""
    listed_files, empty, filled, none, total = scene.files["prior_depth"], [], 0, 0, 0
    for i in range(len(scene)):
        depth = listed_files(i)
        if depth is None:
            continue
        told = depth[depth != 0.0]
        if len(told) and float(told.max()) > float(told.min()):
            filled, none, total = filled + 1, none + depth.size - len(told), total + depth.size
        else:
            empty.append(i)
    yield from _missing(scene, "prior_depth")
    if none:
        what = f"{none} pixels ({100 * none / total:.2g} %) have none: they are 0 or no numbers"
        yield Finding("ok", f"{what}, and take no part", "prior_depth")
    yield from _empty("prior_depth", empty, filled, "of one value all over, which says nothing")


def _normal_values(scene: Scene) -> Iterator[Finding]:
    """Frames without prior normals, and such without a single known one."""
    empty, filled = [], 0
    for i in spread(len(scene), _MOST_FRAMES):
        normal = scene.prior_normal(int(i))
        if normal is None:
            continue
        if normal.any():
            filled += 1
        else:
            empty.append(int(i))
    yield from _missing(scene, "prior_normal")
    yield from _empty("prior_normal", empty, filled, "without a single normal, zeros all over")


def _missing(scene: Scene, source: str) -> Iterator[Finding]:
    missing = sum(path is None for path in scene.files[source].paths)
    if missing:
        what = f"{missing} of {len(scene)} frames have none: these are fitted by their pictures alone"
        yield Finding("warn", what, source, "complete the folder")


def _empty(source: str, empty: Sequence[int], filled: int, what: str) -> Iterator[Finding]:
    if empty and filled:
        yield Finding("warn", f"{listed(np.array(empty))} {what}: left out", source, "make them again")
    elif empty:
        yield Finding("error", f"all that were looked at are {what}", source, "make them again")


def grows_with_depth(scene: Scene, looks: list[tuple[int, PriorLook]]) -> float:
    """How prior depth goes with depth: the median over frames of a rank correlation; NaN: nothing tells.

    Depth is what was measured or matched; in a room, else, how far the box around the cameras is along a ray.
    """
    found = []
    for i, look in looks:
        depth = None if look.depth is None else _reference(scene, i, look)
        if depth is not None and look.depth is not None:
            known = depth > 0
            found.append(rank_correlation(look.depth[known], depth[known]))
    some = [value for value in found if np.isfinite(value)]
    return float(np.median(some)) if some else float("nan")


def _reference(scene: Scene, i: int, look: PriorLook) -> np.ndarray | None:
    """Depth at the pixels of a look [k], 0 where unknown; None where nothing tells it."""
    for source in sorted(_KNOWN):
        depth = scene.array(source, i)
        if depth is not None:
            x, y = look.ray[:, 0], look.ray[:, 1]
            column = (x * scene.cameras.fx[i] + scene.cameras.cx[i]).astype(int)
            return np.asarray(depth[(y * scene.cameras.fy[i] + scene.cameras.cy[i]).astype(int), column])
    if scene.kind != "inside" or in_one_place(scene.cameras):
        return None
    box = box_around_cameras(scene.cameras)
    direction = look.ray @ look.camera_from_world
    wall = np.where(direction > 0, box[1], box[0]) - scene.cameras.centers[i]
    with np.errstate(divide="ignore"):
        return np.where(direction != 0, wall / direction, np.inf).min(axis=1)


def _disparity(grows: float, by: str, looks: list[tuple[int, PriorLook]]) -> Iterator[Finding]:
    """Whether prior depth grows with depth, or is disparity; where nothing else tells, normals do."""
    by = "the normals' lean" if np.isnan(grows) else by
    with_normals = [look for _, look in looks if look.normal is not None]
    if np.isnan(grows) and judge_normals(with_normals, float("nan")).faces:
        grows = judge_normals(with_normals, 1.0).leaning
    if grows <= AGAINST:
        what = f"it is large where things are near, by {by} (correlation {grows:.2f}): disparity, no depth"
        todo = "turn it into depth: 1 / (disparity + offset), the offset of each image's own"
        yield Finding("error", what, "prior_depth", f"{todo}, or use a network of depth")
    elif np.isnan(grows):
        yield Finding("ok", "nothing tells whether it grows with depth", "prior_depth")
    elif grows < AGREE:
        what = f"it hardly grows with depth, by {by} (correlation {grows:.2f})"
        yield Finding("warn", what, "prior_depth", "look at some of it: it may be of other pictures")
    else:
        yield Finding("ok", f"it grows with depth, by {by} (correlation {grows:.2f})", "prior_depth")


def _normal_axes(looks: list[tuple[int, PriorLook]], sense: float) -> Iterator[Finding]:
    """Whether normals look towards the camera and lean as depth does; if not, in which axes they would."""
    with_normals = [look for _, look in looks if look.normal is not None]
    judged = judge_normals(with_normals, sense)
    if judged.right:
        agree = "" if np.isnan(judged.leaning) else f", and lean as the prior depth does ({judged.cosine})"
        yield Finding("ok", f"{100 * judged.facing:.1f} % look towards the camera{agree}", "prior_normal")
        return
    sentence = judged.complaint()
    other = explained(with_normals, sense)
    if other is not None:
        yield Finding("error", f"{sentence}; they would if {other[0]}", "prior_normal", _AXES)
    elif judged.faces:
        yield Finding("warn", sentence, "prior_normal", f"look at some of both; {_AXES}")
    else:
        yield Finding("error", sentence, "prior_normal", _AXES)
