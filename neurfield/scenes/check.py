"""Looks for the mistakes that cost hours: units, axes, damaged files, pictures, baselines, the box."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from neurfield.errors import UserError
from neurfield.scenes.box import cameras_in_box_view
from neurfield.scenes.check_files import file_findings
from neurfield.scenes.check_pictures import picture_findings
from neurfield.scenes.check_priors import PRIOR_SOURCES, prior_findings
from neurfield.scenes.check_readings import in_one_place, reading_findings
from neurfield.scenes.check_views import view_findings
from neurfield.scenes.depth_readings import WORTH_ASKING, other_depths
from neurfield.scenes.finding import Finding, Level
from neurfield.scenes.frames import DepthSource, spread
from neurfield.scenes.mask_polarity import masks_look_inverted
from neurfield.scenes.prior_files import prior_file_findings
from neurfield.scenes.reprojection import (
    MOST_TURN,
    best_scale,
    depth_pairs,
    other_conventions,
    reprojection_error,
)
from neurfield.scenes.scene import Scene
from neurfield.scenes.stereo_files import STEREO_SOURCES, stereo_findings
from neurfield.wording import sides

_MOST_FRAMES = 300
_MOST_LISTED = 5
# Depth of neighbouring frames that is right differs by rounding, noise and edges: under this, at the median.
_SAME_DEPTH = 0.02
# Units that differ by less than this (as a logarithm) are the same: calibration is not better.
_SAME_SCALE = 0.03


def check_scene(scene: Scene) -> list[Finding]:
    """All findings about a scene, those that are in order included; reads up to 300 frames of every source.

    Errors make a fit fail or its mesh wrong; warnings may.
    """
    findings = list(_files(scene))
    if any(finding.level == "error" for finding in findings):
        return findings
    return [
        *findings,
        *picture_findings(scene),
        *check_before_fit(scene),
        *prior_findings(scene),
        *check_truth(scene),
        *_knowledge(scene),
    ]


def check_before_fit(scene: Scene) -> list[Finding]:
    """The part that every fit can afford: poses, points, box, and some thirty frames of depth.

    Priors are asked before (`neurfield.scenes.check_priors`), because a fit that uses them may begin with
    minutes of work.

    Raises:
        UserError: one of these files cannot be read.
    """
    return [
        *(Finding("warn", note, "files") for note in scene.notes),
        *file_findings(scene),
        *_poses(scene),
        *reading_findings(scene),
        *_depth(scene, "depth"),
        *_depth(scene, "sensor_depth"),
        *stereo_findings(scene),
        *prior_file_findings(scene),
        *_box(scene),
        *view_findings(scene),
    ]


def check_truth(scene: Scene) -> Iterator[Finding]:
    """Whether the true surface, where there is one, can be measured against."""
    if scene.ground_truth_file is None:
        return
    try:
        truth = scene.ground_truth
    except UserError as trouble:
        what = f"{trouble}; until then meshes are not measured"
        yield Finding("warn", what, "true surface")
        return
    faces = len(getattr(truth, "faces", ()))
    counted = f"{faces} triangles" if faces else f"{0 if truth is None else len(truth.vertices)} points"
    yield Finding("ok", counted, "true surface")


def _files(scene: Scene) -> Iterator[Finding]:
    """Whether every file of every source opens and is whole, and sources cover all frames."""
    for source in sorted(scene.sources):
        troubles = []
        for i in spread(len(scene), _MOST_FRAMES):
            try:
                scene.array(source, int(i))
            except UserError as error:
                troubles.append(str(error))
        for trouble in troubles[:_MOST_LISTED]:
            where, _, rest = trouble.partition(": ")
            what, _, todo = rest.rpartition(": ")
            yield Finding("error", what, where, todo)
        if len(troubles) > _MOST_LISTED:
            yield Finding("error", f"{len(troubles)} files like these", source, "do the same for all of them")
        missing = sum(path is None for path in scene.files[source].paths)
        if missing and source == "mask":
            yield _some_masks(scene, missing)
        elif missing and source not in (*STEREO_SOURCES, *PRIOR_SOURCES):
            # Stereo leaves out every second frame of many; of priors it is said elsewhere.
            yield Finding(
                "warn", f"{missing} of {len(scene)} frames have none", source, "complete the folder"
            )
        if source == "mask" and not troubles and scene.mask_says == "object" and masks_look_inverted(scene):
            what = "white at the border and black in the middle, as if they showed what is not the object"
            yield Finding("error", what, source, "invert them (white = the object)")
        elif not troubles:
            means = {"object": ", the object's outline", "valid": ", what to look at"}
            more = means[scene.mask_says] if source == "mask" else ""
            yield Finding("ok", f"{len(scene) - missing} files can be read{more}", source)


def _some_masks(scene: Scene, missing: int) -> Finding:
    """What becomes of frames without a mask where others have one."""
    what = f"{missing} of {len(scene)} frames have none"
    if scene.mask_says == "valid":
        return Finding("ok", f"{what} and are looked at whole", "mask")
    what += ": these give colours to what other frames show, and no outline"
    return Finding("warn", what, "mask", "complete the folder")


def _poses(scene: Scene) -> Iterator[Finding]:
    """Whether rotations are orthonormal, and cameras stand apart (not needed where there is depth)."""
    rotation = scene.cameras.world_from_cam[:, :3, :3]
    off = np.abs(np.swapaxes(rotation, 1, 2) @ rotation - np.eye(3)).max(axis=(1, 2))
    worst = int(off.argmax())
    if off[worst] > 1e-4:
        what = f"the rotation is off by {off[worst]:.1e} from orthonormal"
        yield Finding("warn", what, f"pose of frame {worst}", "write the poses with more digits")
    if in_one_place(scene.cameras):
        if scene.sources & {"depth", "sensor_depth"}:
            what = "all is seen from one place, and what is hidden from there stays open"
            yield Finding("warn", what, "poses", "correct the poses if the camera moved")
            return
        what = "all cameras stand in one place, from where no depth can be seen"
        yield Finding("error", what, "poses", "correct the poses, or move while recording")
    elif off[worst] <= 1e-4:
        size = sides(np.ptp(scene.cameras.centers, axis=0), scene.unit)
        yield Finding("ok", f"{len(scene)} rigid poses in {size}", "poses")


def _depth(scene: Scene, source: DepthSource) -> Iterator[Finding]:
    """Whether depth agrees from frame to frame; if not, what unit or which axes would make it agree."""
    if source not in scene.sources:
        return
    pairs = depth_pairs(scene, scene.cameras, source)
    if not pairs:
        if sum(path is not None for path in scene.files[source].paths) < 2:
            yield Finding("ok", "one frame has depth: there is nothing to compare it with", source)
            return
        what = f"no two frames look the same way within {MOST_TURN:.0f} degrees from different places: "
        todo = "check the poses, unless the camera turned that far in between"
        yield Finding("warn", f"{what}depth is not compared", source, todo)
        return
    error = reprojection_error(scene.cameras, pairs)
    scale, left = best_scale(scene.cameras, pairs)
    # Left to right: the error that remains, what is wrong, what to do. Frames that agree well may still agree
    # better in another unit.
    explained = []
    if abs(np.log(scale)) > _SAME_SCALE:
        explained.append(
            (left, f"depth is multiplied by {_plain(scale)}", "set the unit of depth, or of the poses")
        )
    if error > _SAME_DEPTH:
        for what, other in other_conventions(scene.cameras):
            # Which frames look the same way depends on the reading, too.
            left = reprojection_error(other, depth_pairs(scene, other, source))
            explained.append((left, what, "convert the poses"))
    if error > WORTH_ASKING:
        explained += other_depths(scene, source)
    least, what, todo = min(explained, default=(error, "", ""))
    sentence = f"frames disagree by {_percent(error)} at the median"
    if least < 0.5 * error:
        # A wrong unit does not depend on how far frames are apart; what bends a little is worth a word.
        level: Level = "error" if error > _SAME_DEPTH or "multiplied" in what else "warn"
        yield Finding(level, f"{sentence}, by {_percent(least)} if {what}", source, todo)
    elif error > _SAME_DEPTH:
        level = "error" if error > 0.1 else "warn"
        todo = "check units, axes and order of the poses, and that depth is z-depth"
        yield Finding(level, sentence, source, todo)
    else:
        yield Finding("ok", f"frames agree within {100 * error:.2f} % at the median", source)


def _plain(factor: float) -> str:
    """Three digits, but never 1e+03."""
    return f"{factor:.0f}" if factor >= 100.0 else f"{factor:.3g}"


def _percent(share: float) -> str:
    """Two digits, but never 1e+02 %."""
    return f"{100 * share:.0f} %" if share >= 0.1 else f"{100 * share:.2g} %"


def _box(scene: Scene) -> Iterator[Finding]:
    """Whether cameras look at the box."""
    try:
        box = scene.box
    except UserError as error:
        yield Finding("error", str(error), "box", "give a box")
        return
    seeing = cameras_in_box_view(scene.cameras, box).mean()
    size = sides(box[1] - box[0], scene.unit)
    level: Level = "ok" if seeing > 0.95 else "warn" if seeing > 0 else "error"
    what = f"{size}, {scene.box_from}; cameras {scene.kind}, {100 * seeing:.0f} % of them look at it"
    yield Finding(level, what, "box", "" if level == "ok" else "give a box around what the cameras see")


def _knowledge(scene: Scene) -> Iterator[Finding]:
    """Whether a room has more than pictures."""
    if scene.kind == "inside" and not scene.sources & {
        "depth",
        "sensor_depth",
        "prior_depth",
        "prior_normal",
    }:
        what = "a room with neither depth nor priors: bare walls will come out as bubbles"
        yield Finding("warn", what, "sources", "add depth, or depth and normals of a monocular network")
