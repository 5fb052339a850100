"""How well a mesh meets the slices that it was made of."""

from __future__ import annotations

from typing import Any

import numpy as np
import trimesh

from neurfield.errors import UserError
from neurfield.slices import cut, inside
from neurfield.slices.unit_slices import UnitSlices

_SIDE = 400  # places along the longer side of what a plane shows, for the IoU


def numbers_in_planes(mesh: trimesh.Trimesh, slices: UnitSlices) -> dict[str, Any]:
    """IoU of what lies inside the mesh's own cuts and inside the contours, of all planes and the worst.

    Planes without contours count where the mesh reaches into them: their IoU is then zero.
    """
    planes = [one.plane for one in slices.slices.slices]
    try:
        own = cut(mesh, planes)
    except UserError:  # no plane meets it
        return {"contour_iou": 0.0, "contour_iou_least": 0.0, "worst_plane": slices.slices.slices[0].number}
    both = either = 0.0
    each: list[tuple[float, int]] = []
    for one, made in zip(slices.slices.slices, own.slices):
        loops, lines = slices.loops(one), made.of_label(1)
        corners = [*loops, *lines]
        if not corners:
            continue
        places, area = _grid(np.concatenate(corners))
        a, b = inside(places, loops), inside(places, lines)
        shared, any_of = float((a & b).sum()), float((a | b).sum())
        both, either = both + area * shared, either + area * any_of
        if any_of:
            each.append((shared / any_of, one.number))
    least, worst = min(each, default=(0.0, 0))
    return {"contour_iou": both / either if either else 0.0, "contour_iou_least": least, "worst_plane": worst}


def _grid(corners: np.ndarray) -> tuple[np.ndarray, float]:
    """Places [N, 2] in the middles of square cells over corners [n, 2], and the area of a cell."""
    low, high = corners.min(axis=0), corners.max(axis=0)
    cell = float((high - low).max()) / _SIDE
    counts = np.maximum(1, np.ceil((high - low) / cell).astype(int))
    axes = [low[k] + (np.arange(counts[k]) + 0.5) * cell for k in (0, 1)]
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 2), cell * cell
