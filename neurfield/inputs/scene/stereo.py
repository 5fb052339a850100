"""What a scene's pictures say of depth when they are matched with each other, for a fit."""

from __future__ import annotations

from neurfield.parts.groups import Data
from neurfield.scenes import Scene
from neurfield.stereo import StereoMaps, match, read_maps
from neurfield.stereo.progress import Bar

MEASURED = {"depth", "sensor_depth"}


def stereo_of(scene: Scene, to_fit: Scene, data: Data) -> StereoMaps | None:
    """Depth matched between the pictures that are fitted; None where depth was measured, or nobody asks.

    Maps that lie beside the scene's files are taken where all of its frames are fitted; others have looked at
    what is held out.

    Args:
        scene: as it was read.
        to_fit: the frames and sources of it that are fitted.
        data: of the fit.

    Raises:
        UserError: the pictures cannot be matched.
    """
    if not data.stereo or MEASURED & to_fit.sources:
        return None
    if "stereo_depth" in scene.sources and len(scene) == len(to_fit):
        maps = read_maps(scene)
        if maps is not None:
            return maps
    with Bar() as bar:
        return match(to_fit, progress=bar)
