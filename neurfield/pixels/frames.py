"""Which sources and frames of a scene a fit looks at."""

from __future__ import annotations

import numpy as np

from neurfield.errors import UserError
from neurfield.parts.groups import Data
from neurfield.pixels.sources import SOURCES
from neurfield.scenes import Scene
from neurfield.scenes.cover import box_of_cameras, covering_frames
from neurfield.scenes.scene import CACHE_BYTES


def used_sources(scene: Scene, data: Data) -> Scene:
    """The scene with only the sources that this fit may look at.

    Raises:
        UserError: depth or a prior is asked for that the scene does not have.
    """
    unused = {"depth", "sensor_depth", "stereo_depth", "stereo_normal", "stereo_confidence"}
    source_of = {"exact": "depth", "noisy": "sensor_depth"}
    wanted_depth = source_of.get(data.sensor_depth)
    if wanted_depth and wanted_depth not in scene.sources:
        raise UserError(
            f"{scene.path}: there is no {data.sensor_depth} depth here; "
            "use --set data.sensor_depth=auto or off"
        )
    if data.sensor_depth == "auto":
        wanted_depth = next((source for source in source_of.values() if source in scene.sources), None)
    unused.discard(wanted_depth or "")
    for source, used in (
        ("prior_depth", data.prior_depth), ("prior_normal", data.prior_normal), ("segment", data.segment),
    ):  # fmt: skip
        if not used:
            unused.add(source)
        elif source not in scene.sources:
            raise UserError(
                f"{scene.path}: the method wants {source}, the scene has none; use --set data.{source}=false"
            )
    if not data.intrinsic:
        unused |= {"reflectance", "shading"}
    if not data.mask:
        unused.add("mask")
    return scene.without(*unused)


def thinned(scene: Scene, budget: float = CACHE_BYTES) -> Scene:
    """The scene itself, or as many frames of it as fit into memory decoded: those that cover most.

    Args:
        scene: with the sources that will be decoded.
        budget: bytes of decoded pixels.
    """
    per_pixel = sum(SOURCES[source].bytes_per_pixel for source in scene.sources)
    total = float((scene.cameras.width * scene.cameras.height).sum()) * per_pixel
    if total <= budget:
        return scene
    keep = max(1, int(len(scene) * budget / total))
    hand = scene.box_by_hand
    box = box_of_cameras(scene.cameras, scene.points) if hand is None else hand
    return scene.with_frames(covering_frames(scene.cameras, box, keep))


AUTO_EVERY, AUTO_FROM = 8, 24  # every so many-th is held out of so many frames or more


def fitted_and_held_out(count: int, every: int | str) -> tuple[np.ndarray, np.ndarray]:
    """Indices of the frames that a fit may look at, and of those that are kept from it, int64 [n] each.

    Args:
        count: frames in all.
        every: the middle one of each so many consecutive frames is kept from the fit; 0: none; "auto": 8
            where there are 24 frames or more.
    """
    if isinstance(every, str):
        every = AUTO_EVERY if count >= AUTO_FROM else 0
    frames = np.arange(count)
    held_out = frames % every == every // 2 if every > 0 else np.zeros(count, bool)
    return frames[~held_out], frames[held_out]
