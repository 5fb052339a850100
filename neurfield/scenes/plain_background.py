"""An object before a plain background without masks: its pictures tell its outline themselves."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy import ndimage

from neurfield.errors import UserError
from neurfield.scenes.frames import Frames, spread
from neurfield.scenes.hull import share_in_hull
from neurfield.scenes.scene import Scene

MADE_BY = "the plain background"  # `FileList.made_by` of masks that were made here
LOOKS = 12  # pictures that are looked at
_DARK = 0.1  # of 0..1: before black the object's own shadows are background
_LEAST, _MOST = 0.04, 0.1  # from a picture's background colour, what belongs to it: deviation in 0..1
_DEVIATIONS = 6.0  # robust standard deviations of a picture's border that belong to the background
_RIM = 0.97  # share of a border that must
_ALIKE = 0.15  # by which the colour may differ from picture to picture
_SHARE = (0.005, 0.7)  # of a picture that an object has
_SPECK = 0.02  # of the largest piece of an outline: smaller ones are noise
_AGREE = 0.97  # share of outlines that lies within what all of them allow


def background_color(picture: np.ndarray) -> np.ndarray | None:
    """The colour [3] in 0..1 of a plain background around what a picture shows; None: its border is not.

    Args:
        picture: uint8 [h, w, 3].
    """
    rim = _rim(picture)
    color, tolerance = _color_of(rim)
    within = np.abs(rim - color).max(axis=1) <= tolerance
    return color if within.mean() >= _RIM else None


def outline(picture: np.ndarray) -> np.ndarray:
    """What stands out of the background that a picture's border shows: bool [h, w].

    Background is what has its colour and hangs together with the border, so an object may have that colour,
    too.

    Args:
        picture: uint8 [h, w, 3].
    """
    color, tolerance = _color_of(_rim(picture))
    labels, _ = ndimage.label(np.abs(picture / 255.0 - color).max(axis=2) <= tolerance)
    beyond = np.unique(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]]))
    shown = ~np.isin(labels, beyond[beyond > 0])
    pieces, count = ndimage.label(shown)
    sizes = np.bincount(pieces.ravel(), minlength=count + 1)[1:]
    if not count:
        return shown
    return shown & np.isin(pieces, 1 + np.flatnonzero(sizes >= _SPECK * sizes.max()))


def with_outlines(scene: Scene) -> tuple[Scene, str]:
    """A scene with masks by its plain background, and what is doubtful, in one line ("": nothing).

    It is the scene itself where it has masks or depth, looks out of a room, ends in black or in anything that
    is not plain, or where outlines contradict each other.
    """
    known = scene.sources & {"mask", "depth", "sensor_depth"}
    if scene.kind != "outside" or known or "image" not in scene.sources or len(scene) < 3:
        return scene, ""
    chosen = spread(len(scene), LOOKS)
    colors = [background_color(scene.image(int(i))) for i in chosen]
    plain = np.array([color for color in colors if color is not None])
    if len(plain) < len(chosen) or plain.max(axis=1).min() <= _DARK or np.ptp(plain, axis=0).max() > _ALIKE:
        return scene, ""
    shares = np.array([outline(scene.image(int(i))).mean() for i in chosen])
    if shares.min() < _SHARE[0] or shares.max() > _SHARE[1]:
        return scene, ""
    images = scene.files["image"]

    def read(path: Path) -> np.ndarray:
        return outline(images.read(path))

    masked = scene.with_files({"mask": replace(images, read=read, made_by=MADE_BY)})
    agreement = outlines_agree(masked)
    if agreement >= _AGREE:
        return masked, ""
    return scene, (
        f"outlines before the plain background contradict each other ({100 * agreement:.0f} % of them lie "
        "within what all allow): poses or lenses may be wrong (neurfield scene check)"
    )


def outlines_agree(scene: Frames) -> float:
    """The share of the masks of some frames that lies within what the masks of all allow; 0: none does."""
    try:
        return share_in_hull(scene, LOOKS)
    except UserError:
        return 0.0


def _rim(picture: np.ndarray) -> np.ndarray:
    """The colours [k, 3] in 0..1 of a picture's border."""
    return np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]]) / 255.0


def _color_of(rim: np.ndarray) -> tuple[np.ndarray, float]:
    """The colour [3] of a border [k, 3], and how far from it belongs to it."""
    color = np.median(rim, axis=0)
    spread_of = 1.4826 * float(np.median(np.abs(rim - color).max(axis=1)))
    return color, float(np.clip(_DEVIATIONS * spread_of, _LEAST, _MOST))
