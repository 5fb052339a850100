"""The pictures of a scene as a fit compares them with each other."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from neurfield.losses.compared_views import ComparedViews
from neurfield.scenes import Scene
from neurfield.stereo import StereoMaps, StereoSettings, scene_pictures
from neurfield.stereo.survey import survey

DEPTHS = (
    "stereo_depth",
    "depth",
    "sensor_depth",
)  # what pictures see; the first that is known
SAME = 0.03  # deviation of logarithms of grey up to which pictures may be compared as they are
SETTINGS = StereoSettings(every=1)


def compared_views(scene: Scene, stereo: StereoMaps | None = None) -> ComparedViews:
    """Read the pictures, and find which of them see the same, and how their exposures differ.

    Args:
        scene: of a fit; its stereo depth, or else its sensed depth, tells what hides what.
        stereo: depth matched between its pictures, with what was found of them before; frames without maps
            are compared with none.

    Raises:
        UserError: a picture cannot be read, or no two look at the same from different places.
    """
    if stereo is not None:
        pictures, frames = stereo.views.pictures, torch.from_numpy(stereo.frames)
        sources = torch.full((len(scene), stereo.sources.shape[1]), -1, dtype=torch.int64)
        sources[frames] = torch.from_numpy(stereo.sources)
        matched = torch.zeros(pictures.grey.shape)
        matched[frames] = stereo.depth
        return ComparedViews(pictures, sources, matched, _comparable(stereo.left))
    views = scene_pictures(scene, SETTINGS.longest)
    found = survey(scene, views, SETTINGS)
    sources = torch.full((len(scene), found.sources.shape[1]), -1, dtype=torch.int64)
    sources[torch.from_numpy(found.references)] = torch.from_numpy(found.sources)
    pictures = views.with_gain(found.exposure.gain).pictures
    height, width = pictures.grey.shape[1:]
    # A distorted picture's depth is not that of the pinhole camera.
    depth = None if scene.cameras.distortion is not None else _depth(scene, width, height)
    return ComparedViews(pictures, sources, depth, _comparable(found.exposure.left))


def _comparable(left: float) -> float:
    """How far greys may be compared that still differ by `left` (deviation of their logarithms)."""
    return min(1.0, SAME / max(left, 1e-9))


def _depth(scene: Scene, width: int, height: int) -> Tensor | None:
    """What the pictures see, z-depth [n, height, width], 0: nothing known; None if nothing is of any."""
    source = next((name for name in DEPTHS if name in scene.sources), None)
    if source is None:
        return None
    maps = np.zeros((len(scene), height, width), np.float32)
    for i, one in enumerate(maps):
        depth = scene.array(source, i)
        if depth is not None:
            whole = Image.fromarray(np.asarray(depth, np.float32))
            one[:] = np.asarray(whole.resize((width, height), Image.Resampling.NEAREST))
    return torch.from_numpy(maps)
