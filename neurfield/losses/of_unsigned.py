"""What a distance without a sign ought to be, where pictures alone say where its surface is."""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor

from neurfield.losses import geometric
from neurfield.losses.seen import Seen
from neurfield.parts import Number, needs

Length = Annotated[float, Number(above=0.0)]


@needs("samples", optional=("points.uniform",))
def eikonal_apart(seen: Seen, *, beyond: Annotated[float, Number(least=0.0)] = 0.003) -> Tensor:
    """Mean (|g| - 1)^2 away from the surface, next to which gradients turn around (Gropp et al. 2020).

    Where the distance is zero all around, as in what nothing has hollowed out yet, the slope is that of the
    field below zero. It counts, because opacity goes by it.

    Args:
        beyond: distance from which on they count, unit lengths.
    """
    values, gradients = [seen.rays.answers.sdf], [seen.rays.answers.gradient]
    if "uniform" in seen.points:
        values.append(seen.points["uniform"].sdf)
        gradients.append(seen.points["uniform"].slope)
    value = torch.cat(values).detach()
    counts = ((value > beyond) | (value <= 0.0)).float()
    error = (torch.cat(gradients).norm(dim=1) - 1.0).square()
    return (counts * error).sum() / counts.sum().clamp_min(1.0)


@needs("pairs")
def smooth_unsigned(
    seen: Seen,
    *,
    pairs: Annotated[int, Number(least=0)] = 512,
    distance: Length = 0.005,
) -> Tensor:
    """Mean difference of unit normals at points and a small step away, whichever way each of them points.

    On the two sides of a sheet they are opposite, and that is as it must be (after NeUDF, Liu et al. 2023,
    whose differences are of neighbours along rays).

    Args:
        pairs: points a step that get a neighbour.
        distance: at most, along each axis, to that neighbour, unit lengths.
    """
    assert seen.pairs is not None
    here, beside = seen.pairs
    alike, opposite = (geometric.normal_differences(here, one) for one in (beside, -beside))
    return torch.minimum(alike, opposite).mean()


@needs("points.uniform")
def sparse(
    seen: Seen, *, reach: Length = 0.0003, after: Annotated[float, Number(least=0.0, most=1.0)] = 0.4
) -> Tensor:
    """Mean exp(-u / reach) anywhere in the box: what no picture shows is free (NeuralUDF, supplement).

    It is the share of the box that is zero, or within `reach`: what is zero inside is hollowed out.
    A reach of the size of the width of an opacity would lift surfaces that pictures show, too.

    Args:
        reach: unit lengths.
        after: share of the steps before which nothing is asked: the surface is still on its way.
    """
    sdf = seen.points["uniform"].sdf
    return torch.exp(-sdf / reach).mean() if seen.moment.progress >= after else 0.0 * sdf.sum()
