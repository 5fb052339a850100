"""Rays and a field to pixels."""

from neurfield.rays import Rays, Samples, UnitFrame, make_rays
from neurfield.rendering.backgrounds import Constant, RandomBehindMasks
from neurfield.rendering.marched import Marched
from neurfield.rendering.occupancy import OccupancyGrid
from neurfield.rendering.opacity import NeuS, Opacity, OpacityNow, VolSDF
from neurfield.rendering.sampling import concatenate, sample_around_depth, sample_surface
from neurfield.rendering.visibility import keep_visible, select
from neurfield.rendering.volume import Answers, Rendered, before, render, render_passes

__all__ = [
    "Answers", "Constant", "Marched", "NeuS", "OccupancyGrid", "Opacity", "OpacityNow", "RandomBehindMasks",
    "Rays", "Rendered", "Samples", "UnitFrame", "VolSDF", "before", "concatenate", "keep_visible",
    "make_rays", "render", "render_passes", "sample_around_depth", "sample_surface", "select",
]  # fmt: skip
