"""What to say of a fit whose pictures were not met, and its likely cause."""

from __future__ import annotations

import numpy as np
from torch import nn

from neurfield.errors import FitWentWrong
from neurfield.fitting.determined import what_would_help
from neurfield.fitting.fit_watch import FitWatch
from neurfield.inputs.outcome import Outcome
from neurfield.inputs.scene.opened import OpenedScene
from neurfield.inputs.scene.outlines import outline_warnings
from neurfield.inputs.scene.stereo import MEASURED
from neurfield.scenes import Scene
from neurfield.wording import quoted

POOR = 8.0  # dB: one grey for all pictures has more
_PLAIN = 0.05  # deviation of the colours along the borders of pictures, 0..1, up to which they are one colour
_DARK = 0.1  # what counts as black
_NOISE = 0.7  # of the variance that neighbours would have that know nothing of each other
_MOST = 12  # pictures that are looked at
_AT_SIDES = 0.1  # share of the surface next to the box's sides, or of these within it
_NEAR = 0.01  # of the box's longest side


def watch_of(opened: OpenedScene) -> FitWatch:
    """What looks at a fit while it goes on, and says what is wrong with it.

    A box that was chosen before depth leaves out what pictures show: then they are not looked at.
    """
    task, frames = opened.task, np.arange(len(opened.used))
    fitted = np.delete(frames, opened.held_out)
    cropped = bool(opened.config.data.box) and bool(task.telling & MEASURED)
    poses = None if task.rays is None else task.rays.poses
    return FitWatch(
        task, opened.used, lambda: opened.cameras_now,
        opened.held_out if poses is None else frames[:0],  # else nobody knows where they stand
        frames[:0] if cropped or "image" not in opened.used.sources else fitted,
        lambda share: likely_cause(opened, share), what_would_help(task.telling, task.inside),
    )  # fmt: skip


def look_at_fit(opened: OpenedScene, outcome: Outcome) -> None:
    """Add the trouble "pictures" to an outcome whose pictures were not met."""
    images = outcome.metrics.get("images")
    psnr = images.get("psnr") if isinstance(images, dict) else None
    if not isinstance(psnr, float) or outcome.troubles.keys() & {"fit", "mesh"}:
        return  # or what is wrong was said already
    watch = watch_of(opened)
    if psnr < POOR:
        told = f"its pictures have {psnr:.1f} dB, a single grey has more"
    else:
        told = watch.verdict()
    if told:
        cause = likely_cause(opened, max(watch.at_sides(), at_sides(outcome, opened.task.scene.box)))
        outcome.troubles["pictures"] = FitWentWrong(f"the fit went wrong: {told}; {cause}")


def likely_cause(opened: OpenedScene, share_at_sides: float) -> str:
    """What is most likely wrong with the input, and what to do about it.

    Args:
        opened: the input.
        share_at_sides: of the surface, how much runs along the sides of the box, or of these, how much lies
            within the surface.
    """
    scene = opened.task.scene
    plain, rays = plain_background(scene), opened.task.rays
    learnt = rays is not None and isinstance(rays.background, nn.Module)
    if plain is not None and not learnt:
        color = ", ".join(str(round(255 * value)) for value in plain)
        return (
            f"pictures end in a plain background of ({color}), there are no masks, and nothing is learnt of "
            "what stands behind the object, so it was fitted as a surface: give masks, or pictures with an "
            "alpha channel (docs/formats.md), or --set background=surroundings"
        )
    if noise_behind(scene):
        return (
            "what stands behind the object is noise, of which pictures show no place twice: give masks, or "
            "pictures with an alpha channel (docs/formats.md)"
        )
    if doubts := outline_warnings(scene):
        return "; ".join(doubts)
    if share_at_sides > _AT_SIDES:
        return (
            "the surface runs along or through the sides of the box, which may be smaller than what the "
            "cameras look at: --set data.box=[...]"
        )
    return f"poses or lenses may be wrong: neurfield scene check {quoted(scene.path)}"


def plain_background(scene: Scene) -> np.ndarray | None:
    """The colour [3] in 0..1 that pictures of an object without masks end in; None: no such, or black."""
    sides = _sides(scene)
    if not sides:
        return None
    rim = np.concatenate(sides)
    middle = np.median(rim, axis=0)
    plain = float(np.median(np.abs(rim - middle).max(axis=1))) <= _PLAIN
    return middle if plain and middle.max() > _DARK else None


def noise_behind(scene: Scene) -> bool:
    """Whether pixels that touch are no more alike than any two along borders of an object's pictures.

    Where there are masks, or no pictures, or cameras look out, it is not asked.
    """
    sides = _sides(scene)
    if not sides:
        return False
    steps = np.concatenate([np.diff(side, axis=0) for side in sides])
    spread = float(np.concatenate(sides).var(axis=0).mean())
    # Of values that have nothing to do with each other differences vary twice as much.
    return spread > _PLAIN**2 and float(np.square(steps).mean()) > 2.0 * _NOISE * spread


def _sides(scene: Scene) -> list[np.ndarray]:
    """Rows of colours [k, 3] in 0..1 along the borders of some pictures of an object without masks."""
    if scene.kind != "outside" or "mask" in scene.sources or "image" not in scene.sources:
        return []
    sides = []
    for i in np.unique(np.linspace(0, len(scene) - 1, min(_MOST, len(scene))).astype(int)):
        image = scene.image(int(i)) / 255.0
        sides += [image[0], image[-1], image[:, 0], image[:, -1]]
    return sides


def at_sides(outcome: Outcome, box: np.ndarray) -> float:
    """The share of the mesh's vertices that lie next to the sides of a box [2, 3]."""
    if outcome.mesh is None or not len(outcome.mesh.vertices):
        return 0.0
    vertices, near = np.asarray(outcome.mesh.vertices), _NEAR * float(np.ptp(box, axis=0).max())
    return float(((vertices < box[0] + near) | (vertices > box[1] - near)).any(axis=1).mean())
