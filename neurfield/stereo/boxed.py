"""How deep stereo looks where the box that holds the surface was given by hand."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from neurfield.ops.stereo_pictures import StereoPictures
from neurfield.stereo.geometry import pixel_rays, world_points
from neurfield.stereo.ranges import SAMPLES, Search, thinned

_ROOM = 1.25  # times: how far beyond the box the search goes, so that its sides are well within
_NEARER, _NEAREST = 3.0, 16.0  # times: how much nearer than the box's far side things are, and may be


def box_depths(pictures: StereoPictures, i: int, box: np.ndarray) -> tuple[Tensor, Tensor]:
    """Where the ray of each pixel of picture i enters and leaves a box [2, 3], world.

    Both are z-depth, float64 [h, w], 0 where the ray misses the box; a ray that starts in it enters at 0.
    """
    pose = pictures.cam_from_world[i]
    centre = -pose[:3, :3].T @ pose[:3, 3]
    sides = torch.from_numpy(np.asarray(box, np.float64)) - centre
    rays = pixel_rays(pictures, i).double() @ pose[:3, :3]
    rays = torch.where(rays.abs() < 1e-12, torch.full_like(rays, 1e-12), rays)
    one, other = sides[0] / rays, sides[1] / rays
    near = torch.minimum(one, other).amax(dim=2).clamp_min(0.0)
    far = torch.maximum(one, other).amin(dim=2)
    meets = far > near
    zero = torch.zeros_like(far)
    return torch.where(meets, near, zero), torch.where(meets, far, zero)


def box_points(pictures: StereoPictures, references: np.ndarray, box: np.ndarray) -> list[np.ndarray]:
    """For each reference points [m, 3], world, all over what it sees of the box, evenly in inverse depth."""
    points = []
    for r in references.tolist():
        near, far = box_depths(pictures, r, box)
        valid = thinned(far > 0, SAMPLES // 3)
        first, last = 1.0 / far.clamp_min(1e-12), 1.0 / torch.maximum(near, far / _NEARER).clamp_min(1e-12)
        depths = [1.0 / torch.lerp(first, last, share).float() for share in (0.0, 0.5, 1.0)]
        points.append(torch.cat([world_points(pictures, r, depth, valid) for depth in depths]).numpy())
    return points


@dataclass(frozen=True)
class BoxLimits:
    """The inverse depth of what R references see of a box.

    Attributes:
        low, high: float32 [R]; 0 and infinity where it says nothing: behind a box that not all is in, before
            a camera in the box, and where the box is not seen.
    """

    low: Tensor
    high: Tensor

    def whole(self, wide: Search) -> Search:
        """The search of the whole box; of `wide` where the limits say nothing."""
        low = torch.where(self.low > 0, self.low, wide.low)
        inside = torch.where(
            self.low > 0, wide.high.clamp(_NEARER * self.low, _NEAREST * self.low), wide.high
        )
        high = torch.where(self.high.isfinite(), self.high, inside)
        return Search(low, high)

    def cut(self, search: Search) -> Search:
        """The part of a search that is within the limits; the whole of it where none is."""
        low, high = torch.maximum(search.low, self.low), torch.minimum(search.high, self.high)
        some = low < high
        return Search(torch.where(some, low, search.low), torch.where(some, high, search.high), search.hull)


def box_limits(
    pictures: StereoPictures, references: np.ndarray, box: np.ndarray | None, *, beyond: bool
) -> BoxLimits:
    """The limits of a box [2, 3], world, for references int64 [R].

    Args:
        pictures: of any size.
        references: which of them.
        box: that was given; None: there are no limits.
        beyond: whether what lies behind the box is looked for too.
    """
    low, high = torch.zeros(len(references)), torch.full((len(references),), torch.inf)
    if box is None:
        return BoxLimits(low, high)
    for k, r in enumerate(references.tolist()):
        near, far = box_depths(pictures, r, box)
        seen = far > 0
        if bool(seen.any()):
            low[k] = 0.0 if beyond else 1.0 / (_ROOM * far.max())
            nearest = near[seen].min()
            high[k] = _ROOM / nearest if nearest > 0 else torch.inf
    return BoxLimits(low, high)
