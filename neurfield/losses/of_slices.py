"""What slices say of points, and what a surface ought to be between them."""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity, huber_loss

from neurfield.losses.seen import Seen
from neurfield.parts import Number, needs

Positive = Annotated[float, Number(above=0.0)]


@needs("points.contours")
def contours(seen: Seen) -> Tensor:
    """Mean |f| on contours, in bands: they lie on the surface."""
    points = seen.points["contours"]
    return points.sdf.abs().mean() / points.sizes["band"]


@needs("points.contours.across", "points.contours.axis")
def contour_direction(seen: Seen) -> Tensor:
    """Mean 1 - cos of the field's slope within the plane, and away from what is inside the contour.

    How much the surface leans out of the plane no contour tells, so that part of the slope is free.
    """
    points = seen.points["contours"]
    axis = points.columns["axis"]
    within = points.slope - (points.slope * axis).sum(dim=1, keepdim=True) * axis
    return (1.0 - cosine_similarity(within, points.columns["across"], dim=1, eps=1e-4)).mean()


@needs("points.planes.low", "points.planes.high", "points.planes.weight")
def planes(seen: Seen) -> Tensor:
    """How far f is out of what it may be in planes, in bands, less where contours are far.

    Its sign is known there, and no surface is farther away than the plane's own contours (CrossSDF, Walker et
    al. 2025, has the same distances as a bound): f is between zero and the distance in the plane.
    """
    points = seen.points["planes"]
    low, high, weight = (points.columns[name] for name in ("low", "high", "weight"))
    out = torch.relu(points.sdf - high) + torch.relu(low - points.sdf)
    return (weight * out).mean() / points.sizes["band"]


@needs("points.sides.side", "points.sides.clear", "heads.labels")
def sides_of_labels(seen: Seen) -> Tensor:
    """How far every distance of labels is from its side in planes, in bands, summed over all of them.

    Of small labels among large ones each label's own points tell too little: see `LabelSamples`.
    """
    points = seen.points["sides"]
    each = torch.cat([points.sdf[:, None], points.heads["labels"]], dim=1)
    out = torch.relu(points.columns["clear"][:, None] - points.columns["side"] * each)
    return out.sum(dim=1).mean() / points.sizes["band"]


@needs("points.between.arm")
def bending(seen: Seen, *, outliers: Positive = 0.3) -> Tensor:
    """How much f bends between planes: second differences on arms of all lengths up to the gap (Huber).

    Without it the field is free between planes, and falls back to each of them in steps: terraces.

    Args:
        outliers: bends beyond which errors count linearly: midway between surfaces distances have some.
    """
    points = seen.points["between"]
    middle, ahead, back = points.sdf.view(-1, 3).unbind(dim=1)
    bend = (ahead + back - 2.0 * middle) / points.columns["arm"].view(-1, 3)[:, 0]
    return huber_loss(bend, torch.zeros_like(bend), delta=outliers)


@needs("points.between.side")
def sides_between(seen: Seen) -> Tensor:
    """How far f is from the side that planes around show, in bands, at places off the planes.

    Whatever lies wholly between planes is on none of them, and is not made up.
    """
    points = seen.points["between"]
    side, value = points.columns["side"].view(-1, 3)[:, 0], points.sdf.view(-1, 3)[:, 0]
    out = torch.relu(points.sizes["clear"] - side * value) * side.abs()
    return out.mean() / points.sizes["band"]


@needs("points.between.told", "points.between.known")
def told_between(seen: Seen) -> Tensor:
    """Mean difference of f and the distance interpolated from planes around, in gaps, where one is told.

    Both count up to a gap: farther off, contours tell nothing of the surface.
    """
    points = seen.points["between"]
    told, known, value = (
        column.view(-1, 3)[:, 0] for column in (points.columns["told"], points.columns["known"], points.sdf)
    )
    cap = points.sizes["cap"]
    return (known * (value.clamp(-cap, cap) - told).abs()).mean() / cap
