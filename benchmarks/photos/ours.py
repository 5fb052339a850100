"""Our stereo, timed, and what peers are given of the same pictures."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from neurfield.scenes.scene import Scene

if TYPE_CHECKING:
    from neurfield.stereo import StereoMaps

LUMA = np.array([0.299, 0.587, 0.114])


def stereo_maps(
    scene: Scene, preset: str = "default", points: np.ndarray | None = None, **settings: Any
) -> tuple[StereoMaps, float, float]:
    """Maps of a scene from its pictures, cameras and masks, and the seconds of the wall and of the processor.

    points: [k,3] that say how far to search, if that is known; settings: those of
    `neurfield.stereo.StereoSettings` that differ from the preset. Reading the pictures' files is counted, as
    for a user.
    """
    from neurfield.stereo import match, stereo_settings

    chosen = replace(stereo_settings(preset), **settings)
    started, busy = time.perf_counter(), time.process_time()
    maps = match(scene, chosen, points=points)
    return maps, time.perf_counter() - started, time.process_time() - busy


def grey_of(*pictures: np.ndarray) -> np.ndarray:
    """Luma of colour pictures [h,w,3] of one size: uint8 [n,h,w]."""
    return np.stack([np.round(picture @ LUMA).astype(np.uint8) for picture in pictures])
