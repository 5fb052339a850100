"""An open mesh as sheets with two sides each, which end somewhere: what a field needs to know of them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from scipy.spatial import cKDTree
from torch import Tensor
from torch.nn.functional import normalize

from neurfield.ops import NearestOnMesh
from neurfield.shapes.sides import unit_normals
from neurfield.shapes.turned import turned_faces
from neurfield.shapes.unit_shape import UnitShape

WIDTH = 0.03  # unit lengths beside sheets within which their sides tell the distance
_STEP = 0.001  # unit lengths between places of a border
_MOST = 2_000_000  # of them
_CLEAR = 0.95  # the cosine of a face's normal and the way from its nearest point: more, and it lies within
_AHEAD = (0.125, 0.25, 0.5, 1.0)  # of WIDTH, away from the nearest sheet, where another one is looked for
_ACROSS = 0.3  # the cosine of that one's normal and the way to it: less, and its side is not told


class Sided(NamedTuple):
    """What is known of points around sheets.

    Attributes:
        distance: [N] to the nearest sheet.
        side: [N] the same with the sign of the side of the sheet that a point is on; where the nearest place
            is on a border, the height above the plane there. Its size is at most the distance.
        beyond: [N] the distance, less the way from the nearest place to the border, or that from the point to
            where `side` changes its sign between two sheets, and at most `WIDTH`: the distance there, not
            negative where |side| is not the distance, and below zero on the sheets.
    """

    distance: Tensor
    side: Tensor
    beyond: Tensor


def sided(shape: UnitShape, points: Tensor) -> Sided:
    """What sheets tell of points [N, 3], unit coordinates: their distance is max(|side|, beyond).

    `side` goes through zero across a sheet, as straight as a signed distance does, and does so beyond the
    border as well, where `beyond` is the distance. A border is where an edge has other than two faces, or two
    that cannot turn alike. Pieces are turned so that those beside each other agree
    (`neurfield.shapes.turned`). Within one, as in a roll, two sheets may still turn an upper side to a lower
    one: between them `side` jumps from one sign to the other. A field that is fitted to it, being continuous,
    is zero there, so `beyond` has to be the distance there, too.

    Args:
        shape: a mesh.
        points: on the CPU.
    """
    found = shape.tree.nearest(points)
    way = points - found.point
    faces = turned_faces(shape, WIDTH, _AHEAD)
    corners = shape.points[torch.from_numpy(faces)]
    height = (way * unit_normals(corners)[found.face]).sum(dim=1)
    # At creases and corners the mean of the normals around tells the side (Baerentzen and Aanaes 2005).
    leaning = (way * _blended(corners, torch.from_numpy(faces), found.face, found.point)).sum(dim=1)
    sign = torch.where(height.abs() > _CLEAR * found.distance, height, leaning).sign()
    border = _border(shape, faces)
    inwards = torch.full_like(found.distance, WIDTH)
    if len(border):
        apart, _ = cKDTree(border).query(found.point.double().numpy(), distance_upper_bound=WIDTH)
        inwards = torch.from_numpy(np.minimum(apart, WIDTH)).float()
    side = torch.where(inwards < _STEP, height, sign * found.distance)
    kept = torch.minimum(inwards, _before_other_side(shape, unit_normals(corners), points, found, sign))
    return Sided(found.distance, side, found.distance - kept)


def _before_other_side(
    shape: UnitShape, normals: Tensor, points: Tensor, found: NearestOnMesh, sign: Tensor
) -> Tensor:
    """Ways [N] from points to where a sheet is nearer to which they are on the other side, at most `WIDTH`.

    Such a sheet is looked for at some places farther away from the nearest one. Halfway between two that are
    parallel both are as near, so the way is half of what the other is farther off.
    """
    way, short = points - found.point, found.distance < 1e-6
    straight = torch.where(short[:, None], normals[found.face], normalize(way, dim=1, eps=1e-30))
    side = torch.where(short, torch.ones_like(sign), sign)
    least = torch.full_like(found.distance, WIDTH)
    for share in _AHEAD:
        other = shape.tree.nearest(points + share * WIDTH * straight)
        there = points - other.point
        height, apart = (there * normals[other.face]).sum(dim=1), there.norm(dim=1)
        turned = (height * side < 0.0) & (height.abs() > _ACROSS * apart)
        half = 0.5 * (apart - found.distance).clamp_min(0.0)
        least = torch.where(turned, torch.minimum(least, half), least)
    return least


def _border(shape: UnitShape, faces: np.ndarray) -> np.ndarray:
    """Places [B, 3] along the edges of a mesh at which a sheet ends, unit coordinates."""
    ends = faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2)
    edges, row = np.unique(np.sort(ends, axis=1), axis=0, return_inverse=True)
    row = row.reshape(-1)
    forward = np.bincount(row, ends[:, 0] < ends[:, 1], minlength=len(edges))
    uses = np.bincount(row, minlength=len(edges))
    low, high = shape.points.double().numpy()[edges[(uses != 2) | (forward != 1)]].transpose(1, 0, 2)
    length = np.linalg.norm(high - low, axis=1)
    count = np.ceil(length / max(_STEP, length.sum() / _MOST)).astype(np.int64) + 1
    edge = np.repeat(np.arange(len(count)), count)
    share = (np.arange(len(edge)) - np.repeat(np.cumsum(count) - count, count)) / (count[edge] - 1).clip(1)
    return low[edge] + share[:, None] * (high - low)[edge]


def _blended(corners: Tensor, faces: Tensor, face: Tensor, places: Tensor) -> Tensor:
    """Directions [N, 3] between those of a face's corners, at places [N, 3] on it: no units."""
    following, before = corners.roll(-1, dims=1) - corners, corners.roll(1, dims=1) - corners
    cosine = (normalize(following, dim=2, eps=1e-30) * normalize(before, dim=2, eps=1e-30)).sum(dim=2)
    weighted = cosine.clamp(-1.0, 1.0).acos()[..., None] * unit_normals(corners)[:, None]
    of_vertices = torch.zeros(int(faces.max()) + 1, 3).index_add_(
        0, faces.reshape(-1), weighted.reshape(-1, 3)
    )
    a, b, c = corners[face].unbind(dim=1)
    # Weights of the corners are areas of the triangles opposite to them.
    areas = [torch.linalg.cross(q - p, places - p).norm(dim=1) for p, q in ((b, c), (c, a), (a, b))]
    weights = torch.stack(areas, dim=1) / torch.stack(areas, dim=1).sum(dim=1, keepdim=True).clamp_min(1e-30)
    return (weights[..., None] * normalize(of_vertices, dim=1, eps=1e-30)[faces[face]]).sum(dim=1)
