"""Places in the planes of slices of several labels, and on which side of each label's surface they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from neurfield.slices.planar import around_loops, distance, inside
from neurfield.slices.unit_slices import UnitSlices


class Sides(NamedTuple):
    """Places, and what is known of each.

    Attributes:
        points: [N, 3] unit coordinates.
        side: int8 [N, K + 1], -1 inside of all labels as one thing, then of each label with what it goes
            around, and 1 outside.
        away: [N] from the nearest contour of any label in the plane, unit lengths; infinite without one.
    """

    points: Tensor
    side: Tensor
    away: Tensor


def label_sides(
    label_slices: Sequence[UnitSlices], count: int, widths: tuple[float, float], far: float, seed: int = 0
) -> Sides:
    """Places in the planes: anywhere, and near contours, as many of each label however small it is.

    Args:
        label_slices: of all labels as one thing, then of each label, with the same planes.
        count: of places; some of them fall out of the box and are left out.
        widths: of the noise that moves places off contours, unit lengths; all between count alike.
        far: share of the places that lie anywhere.
        seed: draws them.
    """
    random = np.random.default_rng(seed)
    whole = label_slices[0]
    planes = [[one.slices.slices[k] for one in label_slices] for k in range(len(whole.slices.slices))]
    planes += [[end] * len(label_slices) for end in whole.ends]
    each = int((1.0 - far) * count) // len(label_slices)
    shown = [sum(bool(rows[k].contours) for rows in planes) for k in range(len(label_slices))]
    scaled = widths[0] * whole.frame.half, widths[1] * whole.frame.half
    points, sides, away = [], [], []
    for rows in planes:
        flat = [whole.anywhere(rows[0], int(far * count) // len(planes), random)]
        for one, many in zip(rows, shown):
            if one.contours:
                flat.append(
                    around_loops([contour.corners for contour in one.contours], each // many, scaled, random)
                )
        places = np.concatenate(flat)
        world = rows[0].plane.world(places)
        within = ((world >= whole.box[0]) & (world <= whole.box[1])).all(axis=1)
        places = places[within]
        loops = [[contour.corners for contour in one.contours] for one in rows]
        points.append(world[within])
        sides.append(np.stack([np.where(inside(places, its), -1, 1) for its in loops], axis=1))
        away.append(distance(places, [loop for its in loops for loop in its]))
    unit = whole.frame.unit_from_world(np.concatenate(points))
    return Sides(
        torch.from_numpy(unit).float(),
        torch.from_numpy(np.concatenate(sides).astype(np.int8)),
        torch.from_numpy(np.concatenate(away) / whole.frame.half).float(),
    )
