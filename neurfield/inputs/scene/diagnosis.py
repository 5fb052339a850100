"""What to say of a fit whose pictures were not met, and its likely cause."""

from __future__ import annotations

import numpy as np

from neurfield.errors import FitWentWrong
from neurfield.inputs.outcome import Outcome
from neurfield.inputs.scene.opened import OpenedScene
from neurfield.scenes import Scene
from neurfield.wording import quoted

POOR = 8.0  # dB: one grey for all pictures has more
_PLAIN = 0.05  # deviation of the colours along the borders of pictures, 0..1, up to which they are one colour
_DARK = 0.1  # what counts as black
_MOST = 12  # pictures that are looked at
_AT_SIDES = 0.1  # share of the surface next to the box's sides
_NEAR = 0.01  # of the box's longest side


def look_at_fit(opened: OpenedScene, outcome: Outcome) -> None:
    """Add the trouble "pictures" to an outcome whose pictures were not met."""
    images = outcome.metrics.get("images")
    psnr = images.get("psnr") if isinstance(images, dict) else None
    if not isinstance(psnr, float) or psnr >= POOR or outcome.troubles.keys() & {"fit", "mesh"}:
        return  # or what is wrong was said already
    cause = likely_cause(opened, outcome)
    outcome.troubles["pictures"] = FitWentWrong(
        f"the fit went wrong: its pictures have {psnr:.1f} dB, a single grey has more; {cause}"
    )


def likely_cause(opened: OpenedScene, outcome: Outcome) -> str:
    """What is most likely wrong with the input, and what to do about it."""
    scene = opened.task.scene
    plain = plain_background(scene)
    if plain is not None:
        color = ", ".join(str(round(255 * value)) for value in plain)
        return (
            f"pictures end in a plain background of ({color}) and there are no masks, so it was fitted as a "
            "surface: give masks, or pictures with an alpha channel (docs/formats.md)"
        )
    if at_sides(outcome, scene.box) > _AT_SIDES:
        return (
            "the surface runs along the sides of the box, which may be smaller than what the cameras look "
            "at: --set data.box=[...]"
        )
    return f"poses or lenses may be wrong: neurfield scene check {quoted(scene.path)}"


def plain_background(scene: Scene) -> np.ndarray | None:
    """The colour [3] in 0..1 that pictures of an object without masks end in; None: no such, or black."""
    if scene.kind != "outside" or "mask" in scene.sources or "image" not in scene.sources:
        return None
    rims = []
    for i in np.unique(np.linspace(0, len(scene) - 1, min(_MOST, len(scene))).astype(int)):
        image = scene.image(int(i)) / 255.0
        rims.append(np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]]))
    rim = np.concatenate(rims)
    middle = np.median(rim, axis=0)
    plain = float(np.median(np.abs(rim - middle).max(axis=1))) <= _PLAIN
    return middle if plain and middle.max() > _DARK else None


def at_sides(outcome: Outcome, box: np.ndarray) -> float:
    """The share of the mesh's vertices that lie next to the sides of a box [2, 3]."""
    if outcome.mesh is None or not len(outcome.mesh.vertices):
        return 0.0
    vertices, near = np.asarray(outcome.mesh.vertices), _NEAR * float(np.ptp(box, axis=0).max())
    return float(((vertices < box[0] + near) | (vertices > box[1] - near)).any(axis=1).mean())
