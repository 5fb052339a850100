"""Vertices of marching cubes, moved along their edges to where the field itself has its level."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

_MARGIN = 1e-4  # of an edge, that a vertex keeps from its ends: so no triangle turns over or loses its area
_CHUNK = 1 << 16

Query = Callable[[Tensor], tuple[Tensor, Tensor]]


@torch.no_grad()
def snap_to_level(
    vertices: np.ndarray,
    box: np.ndarray,
    voxel: float,
    value: Callable[[Tensor], Tensor],
    query: Query,
    level: float = 0.0,
    device: torch.device | str = "cpu",
) -> np.ndarray:
    """Vertices [v, 3] one Newton step along their lattice edge nearer to the level set of a field.

    Marching cubes takes the field to be linear along an edge; this takes the error that is left to second
    order in the voxel. A vertex stays on its edge, so cubes, neighbours and topology stay as they are; one
    whose value would not be nearer to the level stays where it is, as one at a corner does.

    Args:
        vertices: of marching cubes, float64; they are moved in place, and returned.
        box: [2, 3]; the lattice begins at its low corner.
        voxel: edge of the cubes.
        value: the field's values [k] of points float32 [k, 3] on `device`.
        query: its values [k] and gradients [k, 3] of such points.
        level: the value of the surface.
        device: where the field is.
    """
    low = np.asarray(box, dtype=np.float64).reshape(2, 3)[0]
    for start in range(0, len(vertices), _CHUNK):
        part = vertices[start : start + _CHUNK]
        places = (part - low) / voxel
        rows, axis = np.arange(len(part)), np.abs(places - np.rint(places)).argmax(axis=1)
        along = places[rows, axis]
        points = torch.from_numpy(part).float().to(device)
        values, slopes = query(points)
        off = values.reshape(-1).double().cpu().numpy() - level
        slope = slopes.double().cpu().numpy()[rows, axis] * voxel
        with np.errstate(all="ignore"):
            step = np.nan_to_num(off / slope, nan=0.0, posinf=0.0, neginf=0.0)
        begin = np.floor(along)
        inside = (along > begin + _MARGIN) & (along < begin + 1.0 - _MARGIN)
        moved = part.copy()
        target = np.clip(along - step, begin + _MARGIN, begin + 1.0 - _MARGIN)
        moved[rows, axis] += np.where(inside, target - along, 0.0) * voxel
        there = value(torch.from_numpy(moved).float().to(device)).reshape(-1).double().cpu().numpy() - level
        better = np.abs(there) < np.abs(off)
        vertices[start : start + _CHUNK] = np.where(better[:, None], moved, part)
    return vertices
