"""Depth maps of many views made one: ambiguous priors aligned with each other, and fusion into one volume."""

from neurfield.fusion.align import AlignedPriors, align_priors
from neurfield.fusion.volume import FusedVolume, SurfacePoints, fuse_depth

__all__ = ["AlignedPriors", "FusedVolume", "SurfacePoints", "align_priors", "fuse_depth"]
