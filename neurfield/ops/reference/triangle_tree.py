"""Nearest points of triangles and winding numbers, each triangle asked for each point."""

from __future__ import annotations

import math

import torch
from torch import Tensor

_PAIRS = 1 << 20  # of points and triangles at a time


def nearest(corners: Tensor, points: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Distance [N], nearest point [N, 3] and triangle [N] int64 of points [N, 3].

    Args:
        corners: [F, 3, 3] of the triangles, F > 0.
        points: [N, 3].
    """
    parts = [_nearest(corners, part) for part in points.split(max(1, _PAIRS // len(corners)))]
    distance, place, face = zip(*parts)
    return torch.cat(distance), torch.cat(place), torch.cat(face)


def winding(corners: Tensor, points: Tensor) -> Tensor:
    """The sum [N] of the triangles' solid angles over 4 pi at points [N, 3].

    tan(Omega / 2) = det[a b c] / (|a||b||c| + (a.b)|c| + (b.c)|a| + (c.a)|b|) (Van Oosterom and Strackee,
    1983), a, b, c the corners as the point sees them.
    """
    parts = []
    for part in points.split(max(1, _PAIRS // len(corners))):
        a, b, c = (corners[:, k] - part[:, None] for k in range(3))
        la, lb, lc = (x.norm(dim=2) for x in (a, b, c))
        above = (a * torch.linalg.cross(b, c)).sum(dim=2)
        below = la * lb * lc + (a * b).sum(2) * lc + (b * c).sum(2) * la + (c * a).sum(2) * lb
        parts.append(torch.atan2(above, below).sum(dim=1) / (2.0 * math.pi))
    return torch.cat(parts)


def _nearest(corners: Tensor, points: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    a, b, c = corners.unbind(dim=1)
    p = points[:, None]
    candidates = [_on_segment(a, b, p), _on_segment(b, c, p), _on_segment(c, a, p), _on_plane(a, b, c, p)]
    places = torch.stack(torch.broadcast_tensors(*candidates))  # [4, N, F, 3]
    squared = (places - p).square().sum(dim=3)
    squared = torch.where(squared.isnan(), torch.inf, squared)  # not within the triangle
    by_face, which = squared.min(dim=0)
    least, face = by_face.min(dim=1)
    rows = torch.arange(len(points), device=points.device)
    place = places[which[rows, face], rows, face]
    finite = points.isfinite().all(dim=1)
    none = torch.full_like(least, torch.nan)
    return (
        torch.where(finite, least.sqrt(), none),
        torch.where(finite[:, None], place, none[:, None]),
        torch.where(finite, face, 0),
    )


def _on_segment(a: Tensor, b: Tensor, p: Tensor) -> Tensor:
    along = b - a
    squared = along.square().sum(dim=1)
    share = ((p - a) * along).sum(dim=2) / torch.where(squared > 0, squared, 1.0)
    return a + share.clamp(0.0, 1.0)[..., None] * along


def _on_plane(a: Tensor, b: Tensor, c: Tensor, p: Tensor) -> Tensor:
    """The foot of the perpendicular where it falls into the triangle, else NaN."""
    ab, ac, ap = b - a, c - a, p - a
    bb, bc, cc = ((x * y).sum(dim=1) for x, y in ((ab, ab), (ab, ac), (ac, ac)))
    pb, pc = ((ap * x).sum(dim=2) for x in (ab, ac))
    total = bb * cc - bc * bc
    v, w = (cc * pb - bc * pc) / total, (bb * pc - bc * pb) / total
    place = a + v[..., None] * ab + w[..., None] * ac
    return torch.where(((v >= 0) & (w >= 0) & (v + w <= 1))[..., None], place, torch.nan)
