"""How far free space is from each object, by the points of a first surface that are known to be its."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy.spatial import cKDTree
from torch import Tensor

from neurfield.points.fuse_scene import VolumePoints

POINTS = 1 << 14
MOST = 4000  # points that stand for an object
NEAR = 0.25  # bands: points nearer to the surface than that stand for it


@dataclass(frozen=True)
class ObjectSpace:
    """M points of free space.

    Attributes:
        points: [M, 3], unit coordinates.
        distance: [M, K] to each object, unit lengths; infinite to those of which nothing is known.
    """

    points: Tensor
    distance: Tensor


def object_space(volume: VolumePoints, owners: Tensor, objects: int) -> ObjectSpace | None:
    """Points in free cubes and before the surface, and how far each of `objects` is; None: nothing is free.

    Distances are to the points of an object that are known, so the object is no farther away. From the
    nearest of them it goes on by what that is off the surface.

    Args:
        volume: the first surface.
        owners: int64 [N], which object its points are of; -1: not known.
        objects: how many there are, the background among them.
    """
    generator = torch.Generator(volume.points.device).manual_seed(0)
    free = volume.draw_free(POINTS // 2, generator)
    outside = (volume.sdf > 0.0).nonzero()[:, 0]
    if not len(free) and not len(outside):
        return None
    some = torch.randint(
        max(1, len(outside)), (min(len(outside), POINTS // 2),), generator=generator, device=free.device
    )
    points = torch.cat([free, volume.points[outside[some]]])
    surface = volume.sdf.abs() < NEAR * volume.band
    asked, near, beyond = (t.cpu().numpy() for t in (points, volume.points[surface], volume.sdf[surface]))
    owner = owners[surface].cpu().numpy()
    distance = np.full((len(asked), objects), np.inf, dtype=np.float32)
    for k in np.unique(owner[owner >= 0]):
        its = np.flatnonzero(owner == k)
        its = its[:: -(-len(its) // MOST)]
        to_point, row = cKDTree(near[its]).query(asked)
        distance[:, k] = np.maximum(to_point + beyond[its[row]], 0.0)
    return ObjectSpace(points, torch.from_numpy(distance).to(points.device))
