"""What pulls places around a cloud onto it, by a distance without a sign."""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity

from neurfield.losses.seen import Seen
from neurfield.parts import Number, needs
from neurfield.points.pulled import pulled as moved

Positive = Annotated[float, Number(above=0.0)]
_ROWS = 1024  # distances of so many points to all others at a time


@needs("points.queries")
def pulled(seen: Seen) -> Tensor:
    """Chamfer distance, unit lengths, of places that the field moved and the points nearest to them.

    Both ways, so that a place may go to another point than the nearest, as long as all are reached (Zhou et
    al., CAP-UDF, NeurIPS 2022, Eq. 3).
    """
    queries = seen.points["queries"]
    there = moved(queries.columns["place"], queries.value, queries.slope)
    return chamfer(there, queries.columns["target"])


@needs("points.queries", "points.pulled")
def level_sets(seen: Seen, *, sharpness: Positive = 5.0) -> Tensor:
    """The gradient where a place is, parallel to that where it is pulled: level sets run along the surface.

    Mean of (1 - |cos|) exp(-a u) (Zhou et al., LevelSetUDF, ICCV 2023, Eq. 5 and its code). Where a place is
    pulled stands still, while both gradients learn.

    Args:
        sharpness: a, per unit length; the paper's 10 per longest side.
    """
    queries, there = seen.points["queries"], seen.points["pulled"]
    apart = 1.0 - cosine_similarity(queries.slope, there.slope, dim=1, eps=1e-6).abs()
    return (apart * torch.exp(-sharpness * queries.value.detach())).mean()


@needs("points.queries")
def towards_cloud(seen: Seen) -> Tensor:
    """The gradient along the way from the nearest point: mean of 1 - |cos| (LevelSetUDF, Eq. 7)."""
    queries = seen.points["queries"]
    way = queries.columns["place"] - queries.columns["target"]
    return (1.0 - cosine_similarity(queries.slope, way, dim=1, eps=1e-6).abs()).mean()


def chamfer(one: Tensor, other: Tensor) -> Tensor:
    """Half the mean distances of points [N, 3] to the nearest of others [M, 3], and of those to these."""
    first, second = _nearest(one, other), _nearest(other, one)
    there, back = (one - other[first]).norm(dim=1), (other - one[second]).norm(dim=1)
    return 0.5 * (there.mean() + back.mean())


@torch.no_grad()
def _nearest(points: Tensor, others: Tensor) -> Tensor:
    """The row [N] of `others` [M, 3] nearest to each of points [N, 3]."""
    return torch.cat([torch.cdist(part, others).argmin(dim=1) for part in points.split(_ROWS)])
