"""What is said before a fit to a scene.

First what looks wrong, then a paragraph on what is fitted, where, what that can determine, and how long it
takes.
"""

from __future__ import annotations

import numpy as np
import torch
from rich.text import Text

from neurfield.fitting.determined import what_is_determined
from neurfield.inputs.scene.opened import OpenedScene
from neurfield.inputs.scene.outlines import outline_warnings
from neurfield.inputs.scene.refused import refuse_errors
from neurfield.inputs.size import memory_of, parameters_of
from neurfield.ops import native
from neurfield.pixels.sources import SOURCES
from neurfield.scenes import Scene, replica
from neurfield.scenes.check import check_before_fit, check_truth
from neurfield.scenes.check_pictures import findings_of_few
from neurfield.scenes.plain_background import MADE_BY
from neurfield.scenes.stereo_files import STEREO_SOURCES
from neurfield.wording import about, sides

_BYTES_OF_A_STEP = 0.4e9
NAMES = {name: source.words for name, source in SOURCES.items()}


def looked_at(opened: OpenedScene) -> list[str]:
    """What the quick part of `neurfield scene check` warns of in the sources that are used.

    Raises:
        UserError: it finds what makes the fit go wrong.
    """
    scene = opened.task.scene
    findings = [*findings_of_few(scene), *check_before_fit(scene), *check_truth(opened.scene)]
    refuse_errors(opened.scene, findings)
    findings = [*opened.of_priors, *findings]
    warnings = [str(finding) for finding in findings if finding.level == "warn"]
    warnings += outline_warnings(scene)
    if opened.config.one("poses") is not None and opened.task.inside:
        warnings.append(
            "poses are refined in a room, where that has made them worse so far: it is meant for objects; "
            "`neurfield scene convert PATH --out FOLDER --poses-from-pictures` finds them again before a fit"
        )
    return warnings


def scene_words(opened: OpenedScene, step: int, seconds_per_step: float) -> list[str | Text]:
    """The paragraph, line by line."""
    task, config = opened.task, opened.config
    assert task.rays is not None
    scene = task.scene
    size = scene.box[1] - scene.box[0]
    parameters = parameters_of(task)
    pixels = float((scene.cameras.width * scene.cameras.height).sum())
    images = pixels * sum(SOURCES[source].bytes_per_pixel for source in scene.sources)
    memory = memory_of(parameters, images + _BYTES_OF_A_STEP)
    near, far = _stretch(scene)
    determined, doubtful = what_is_determined(task.telling, task.inside)
    look = (
        "out of it (a room: free space inside)" if task.inside else "in at it (an object: free space outside)"
    )
    return [
        Text.assemble((scene.name, "bold"), f": {_cameras(opened)}, {_used(scene)}"),
        *_unused(opened),
        *taken_as_exact(scene),
        *_resampled(scene),
        f"box {sides(size, scene.unit or 'units')}, {scene.box_from}; cameras look {look}",
        f"rays run from {near:.2f} to at most {far:.2f} {scene.unit or 'units'}, where they leave the box",
        *_outlines(scene),
        Text(determined, "yellow" if doubtful else ""),
        f"method {config.method} ({config.preset}), steps {step} to {config.train.steps} "
        f"of {task.rays.sampler.words}, "
        f"{parameters / 1e6:.1f} M parameters, about {memory / 1e9:.1f} GB",
        f"kernels: {task.field.path} ({native.reason_for(task.device)}), device {task.device}, {_threads()}",
        *(source.words for source in task.sources if source.words),
        *_chosen(task.field, task.rays.background, task.rays.exposure, task.rays.transients),
        f"about {about(seconds_per_step * (config.train.steps - step))} to fit, "
        f"as busy as the machine is now ({1e3 * seconds_per_step:.0f} ms a step)",
    ]


def _cameras(opened: OpenedScene) -> str:
    """How many cameras of how many are fitted, and why not the others."""
    fitted, total = len(opened.task.scene), len(opened.scene)
    reasons = []
    if len(opened.used) < total:
        reasons.append(f"{len(opened.used)} fit into memory, those that cover most")
    if len(opened.held_out):
        by_itself = opened.config.data.holdout_every == "auto"
        way_out = " for scores of pictures; --set data.holdout_every=0 fits them, too" if by_itself else ""
        reasons.append(f"{len(opened.held_out)} held out{way_out}")
    return f"{fitted} cameras" if not reasons else f"{fitted} of {total} cameras ({', '.join(reasons)})"


def _used(scene: Scene) -> str:
    """The sources that are fitted, each with how many files of it."""
    counts = {source: sum(path is not None for path in scene.files[source].paths) for source in scene.files}
    return ", ".join(f"{counts[source]} {text}" for source, text in NAMES.items() if source in counts)


def _unused(opened: OpenedScene) -> list[str]:
    """A line on what the scene has and the fit leaves alone."""
    unused = opened.scene.sources - opened.task.scene.sources
    if opened.matched is not None and opened.matched.were_read:
        unused -= set(STEREO_SOURCES)
    names = [text for source, text in NAMES.items() if source in unused]
    lines = [f"not used: {', '.join(names)}"] if names else []
    if opened.matched is not None and unused >= {"stereo_depth"} and len(opened.held_out):
        lines.append(
            "stereo beside the scene has seen the frames that are held out, so pictures are matched anew; "
            "--set data.holdout_every=0 takes it"
        )
    return lines


def taken_as_exact(scene: Scene) -> list[str]:
    """A line on depth in Replica's layout, which is rendered there and a sensor's in others of its shape."""
    path = scene.path
    if "depth" not in scene.sources or not replica.recognises(path) or (path / "scene.json").is_file():
        return []
    return [
        "depth beside the pictures is taken as exact, as Replica's is: of a sensor, move the depth files "
        "from results/ to sensor_depth/"
    ]


def _outlines(scene: Scene) -> list[str]:
    """A line on masks that were made of the pictures themselves."""
    if "mask" not in scene.sources or scene.files["mask"].made_by != MADE_BY:
        return []
    return [
        "pictures end in a plain background: it tells the object's outline in each of them, and is left out "
        "(--set data.mask=false fits it, too)"
    ]


def _resampled(scene: Scene) -> list[str]:
    """A line on pictures that are not fitted as they lie on disk."""
    images = scene.files.get("image")
    count = 0 if images is None else sum(bool(images.views_of(i)) for i in range(len(scene)))
    if not count:
        return []
    size = f"{scene.cameras.width[0]}x{scene.cameras.height[0]} pixels"
    return [f"{count} pictures are resampled, of bent lenses or other sizes: to pinhole cameras of {size}"]


def _chosen(*parts: object) -> list[str]:
    """Lines on parts that chose what they do by looking at the scene."""
    return [words for part in parts if (words := getattr(part, "words", ""))]


def _threads() -> str:
    count = torch.get_num_threads()
    return f"{count} threads" if count > 1 else "1 thread"


def _stretch(scene: Scene) -> tuple[float, float]:
    """Between which distances rays can meet the box: nearest point to farthest corner, over all cameras."""
    low, high = scene.box
    centers = scene.cameras.centers
    outside = np.maximum(np.maximum(low - centers, centers - high), 0.0)
    farthest = np.maximum(np.abs(centers - low), np.abs(high - centers))
    return float(np.linalg.norm(outside, axis=1).min()), float(np.linalg.norm(farthest, axis=1).max())
