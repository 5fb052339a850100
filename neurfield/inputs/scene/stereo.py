"""What a scene's pictures say of depth when they are matched with each other, for a fit."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from neurfield.parts.groups import Data
from neurfield.scenes import Scene
from neurfield.stereo import StereoMaps, match, read_maps, stereo_settings
from neurfield.stereo.progress import Bar

MEASURED = frozenset({"depth", "sensor_depth"})
_LOOKED_AT = frozenset({"image", "mask", "sensor_depth"})  # by stereo


class MatchedPictures:
    """Depth matched between the pictures that are fitted: read or matched once, when it is first asked for.

    Maps that lie beside the scene's files are taken where the fit has all frames, pictures, masks and sensors
    that they were made of, and the same box; others have looked at what is kept from the fit, or lack what it
    has. A run keeps none of its own: where it goes on, pictures are matched again, to the same bits.

    Args:
        scene: as it was read.
        to_fit: the frames and sources of it that are fitted, with the box that was chosen for the fit.
        preset: of the settings that pictures are matched with.
    """

    def __init__(self, scene: Scene, to_fit: Scene, preset: str = "default") -> None:
        self._scene, self._to_fit, self._preset = scene, to_fit, preset
        self.were_read = False  # whether maps beside the scene's files were taken

    def __call__(self) -> StereoMaps:
        """The maps; UserError where pictures cannot be matched."""
        return self._maps

    @cached_property
    def _maps(self) -> StereoMaps:
        whole, used = self._scene, self._to_fit
        sources = whole.sources & _LOOKED_AT == used.sources & _LOOKED_AT
        if len(whole) == len(used) and sources and _same(whole.box_by_hand, used.box_by_hand):
            maps = read_maps(whole)
            if maps is not None:
                self.were_read = True
                return maps
        with Bar() as bar:
            return match(used, stereo_settings(self._preset), progress=bar)


def stereo_of(scene: Scene, to_fit: Scene, data: Data) -> MatchedPictures | None:
    """What gives depth matched between the pictures of a fit; None where depth was measured, or nobody asks.

    Args:
        scene: as it was read.
        to_fit: the frames and sources of it that are fitted, with the box that was chosen for the fit.
        data: of the fit.
    """
    if not data.stereo or MEASURED & to_fit.sources:
        return None
    return MatchedPictures(scene, to_fit, data.matching)


def _same(one: np.ndarray | None, other: np.ndarray | None) -> bool:
    return one is other or (one is not None and other is not None and np.array_equal(one, other))
