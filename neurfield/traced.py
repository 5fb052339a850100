"""What rays want of a surface, whatever it is made of: a fitted field, tiny networks, a mesh.

Points and directions have the world's axes and lengths, in float32, and points are counted from the surface's
`origin`: a scene far from zero is the scene at zero, moved (`neurfield/far.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

if TYPE_CHECKING:
    import torch
    from torch import Tensor


class SurfaceHits(NamedTuple):
    """Where N rays first meet a surface.

    Attributes:
        t: [N] float32, lengths along the rays; inf: nowhere.
        position: [N, 3] float32, counted from the surface's origin; 0 where nothing is met.
        normal: [N, 3] float32, unit, into free space whichever side the ray came from; 0 where nothing is
            met.
        albedo: [N, 3] float32, linear, 0..1: the colour that was fitted, seen head-on; 1 where none is known.
        hit: [N] bool.
    """

    t: Tensor
    position: Tensor
    normal: Tensor
    albedo: Tensor
    hit: Tensor


class TracedSurface(Protocol):
    """A surface that answers rays. N may be 0; rays may begin anywhere, in matter too.

    A ray that begins in matter passes through it, and meets the surface from behind where it leaves.
    """

    @property
    def box(self) -> np.ndarray:
        """Minimum and maximum [2, 3] float64, world: nothing of the surface lies outside."""
        ...

    @property
    def origin(self) -> np.ndarray:
        """From which points are counted, [3] float64, world."""
        ...

    @property
    def margin(self) -> float:
        """World lengths off the surface, along its normal, at which a ray begins that leaves it."""
        ...

    @property
    def has_color(self) -> bool:
        """Whether its albedo is known."""
        ...

    @property
    def device(self) -> torch.device:
        """Where rays are given, and hits come back."""
        ...

    def first_hits(self, origins: Tensor, directions: Tensor, t_max: Tensor | None = None) -> SurfaceHits:
        """The first place where each ray meets the surface.

        Args:
            origins: [N, 3] float32, counted from `origin`.
            directions: [N, 3] float32, unit, world axes.
            t_max: [N] float32, lengths beyond which nothing counts; None: as far as the box reaches.
        """
        ...

    def occluded(self, origins: Tensor, directions: Tensor, t_max: Tensor) -> Tensor:
        """Whether anything is met before t_max [N]: bool [N]. Arguments as of `first_hits`."""
        ...

    def seen(self, hits: SurfaceHits, directions: Tensor) -> Tensor:
        """Colours [N, 3] in 0..1, sRGB, as the fit shows them along rays [N, 3]; 0 where nothing is met."""
        ...

    def pictured(self, origins: Tensor, directions: Tensor) -> tuple[SurfaceHits, Tensor]:
        """First hits and the colours `seen` there, at less than both cost: what a picture takes.

        The hits' albedo is of no meaning. Arguments as of `first_hits`.
        """
        ...
