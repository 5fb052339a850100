"""Whose space is: that of the nearest point of a first surface which pictures show to be somebody's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy.spatial import cKDTree
from torch import Tensor

POINTS = 1 << 18
ANYWHERE = 0.1  # share of them that are anywhere in the box; the others are near the surface
DEEP = 0.1  # unit lengths from it, at most, of those; half of them are within a quarter of that


@dataclass(frozen=True)
class ObjectPlaces:
    """M points in a random order.

    Attributes:
        points: [M, 3], unit coordinates.
        object: int64 [M], whose place they are.
    """

    points: Tensor
    object: Tensor


def object_places(surface: Tensor, owner: Tensor, unit_box: Tensor) -> ObjectPlaces | None:
    """Points on both sides of a surface, and of the whole box, each of the object of the nearest known point.

    As many are near an object as the root of its number of known points says: small ones are not missed.

    Args:
        surface: [N, 3] points on it, unit coordinates.
        owner: int64 [N], which object they are of; -1: not known.
        unit_box: [6] xmin ymin zmin xmax ymax zmax, unit coordinates.

    Returns:
        None where nothing is known.
    """
    known = (owner >= 0).nonzero()[:, 0].cpu()
    if not len(known):
        return None
    at, whose = surface.cpu()[known], owner.cpu()[known]
    random = np.random.default_rng(0)
    share = 1.0 / np.sqrt(np.bincount(whose.numpy())[whose.numpy()])
    chosen = random.choice(len(at), POINTS, p=share / share.sum())
    direction = random.standard_normal((POINTS, 3))
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    points = at.numpy()[chosen] + DEEP * random.random((POINTS, 1)) ** 2 * direction
    low, high = unit_box.cpu().numpy().reshape(2, 3)
    anywhere = random.random(POINTS) < ANYWHERE
    points[anywhere] = low + (high - low) * random.random((int(anywhere.sum()), 3))
    _, nearest = cKDTree(at.numpy()).query(points)
    device = surface.device
    return ObjectPlaces(torch.from_numpy(points).float().to(device), whose[nearest].to(device))
