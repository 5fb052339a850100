"""The hull that an object's masks leave: where it has its surface, and where no depth map says otherwise.

The hull holds the object, and is all that is known of it where nothing was matched. Depth overrules it: where
a view looks through its surface, as into the mouth of a cup, or sees another surface near it, it says
nothing. What it holds inside is not known to be solid.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

import numpy as np
import torch
from scipy.ndimage import distance_transform_edt
from torch import Tensor

from neurfield.ops.depth_fusion import EDGE, DepthViews, depth_votes

BRICKS_AT_ONCE = 1024


@dataclass(frozen=True)
class HullPoints:
    """Q voxel centres near the hull's surface.

    Attributes:
        points: [Q, 3] float64, world.
        distance: [Q], to the hull's surface, world lengths, positive outside.
    """

    points: Tensor
    distance: Tensor


def outline_distance(mask: np.ndarray) -> np.ndarray:
    """float32 [h, w], pixels from each pixel's centre to the outline of a mask, bool [h, w].

    Positive off the object. A mask without outline gives the picture's diagonal everywhere.
    """
    far = float(np.hypot(*mask.shape))
    off = distance_transform_edt(~mask) - 0.5 if mask.any() else np.full(mask.shape, far)
    within = distance_transform_edt(mask) - 0.5 if not mask.all() else np.full(mask.shape, far)
    return np.where(mask, -within, off).astype(np.float32)


def hull_points(
    views: DepthViews, outside: Tensor, voxel: float, band: float, near_hits: float, low: np.ndarray
) -> HullPoints:
    """Voxels closer than `band` to the hull's surface, where no view looks through and none sees a surface.

    Args:
        views: with outlines.
        outside: [X, Y, Z], how far the centres of bricks lie off the outlines, as `depth_votes` gives it.
        voxel, band: lengths.
        near_hits: length; voxels within that of what maps see, a whole vote of them, are left out.
        low: [3], world position of the grid's corner.
    """
    brick = EDGE * voxel
    cells = (outside.abs() <= 0.5 * math.sqrt(3.0) * brick + band).nonzero()
    lattice = torch.ones(EDGE, EDGE, EDGE).nonzero() + 0.5
    of_depth = dataclasses.replace(views, outline=None)
    of_hits = dataclasses.replace(of_depth, sigma=None)
    points, distances = [torch.zeros(0, 3)], [torch.zeros(0)]
    for some in cells.split(BRICKS_AT_ONCE):
        places = ((some[:, None] * EDGE + lattice) * voxel).view(-1, 3)
        distance = depth_votes(views, places, voxel, near_hits).outside
        assert distance is not None
        chosen = distance.abs() < band
        places, distance = places[chosen], distance[chosen]
        silent = depth_votes(of_depth, places, voxel, near_hits).free < 1.0
        silent &= depth_votes(of_hits, places, voxel, near_hits).hits < 1.0
        points.append(places[silent])
        distances.append(distance[silent])
    return HullPoints(torch.cat(points).double() + torch.from_numpy(low), torch.cat(distances))
