"""What is known of points on a shape and around it."""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, normalize

from neurfield.losses import fused
from neurfield.losses.seen import Seen
from neurfield.parts import Number, needs

Positive = Annotated[float, Number(above=0.0)]


@needs(optional=("points.surface",))
def surface_points(seen: Seen) -> Tensor:
    """Mean |f| on the surface, in bands (IGR, Gropp et al. 2020, Eq. 2)."""
    points = seen.points["surface"]
    return points.sdf.abs().mean() / points.sizes["band"]


@needs(optional=("points.surface.normal",))
def surface_normal(seen: Seen) -> Tensor:
    """Direction of the field on the surface, where normals say which side is outside."""
    points = seen.points["surface"]
    return fused.fused_normals(points.slope, points.columns["normal"], torch.ones_like(points.sdf))


@needs(optional=("points.surface.axis",))
def surface_axis(seen: Seen) -> Tensor:
    """Mean 1 - |cos| of the field's direction and normals on the surface whose side nobody knows."""
    points = seen.points["surface"]
    unit = normalize(points.slope, dim=1, eps=1e-5)
    return (1.0 - (unit * points.columns["axis"]).sum(dim=1).abs()).mean()


@needs(optional=("points.around.sdf",))
def shape_sdf(seen: Seen, *, clamp: Annotated[float, Number(least=0.0)] = 0.0) -> Tensor:
    """Distance around the surface: relative to it, or cut off as DeepSDF has it (Park et al. 2019, Eq. 4).

    Args:
        clamp: unit lengths at which both distances are cut off, every point then counts alike; 0: they are
            not, and points count the less the farther they are.
    """
    points = seen.points["around"]
    band, known = points.sizes["band"], points.columns["sdf"]
    if clamp:
        return (points.sdf.clamp(-clamp, clamp) - known.clamp(-clamp, clamp)).abs().mean() / band
    return fused.fused_sdf(points.sdf, known, points.columns["weight"], band)


@needs(optional=("points.surface", "points.around.side", "points.around.beyond", "heads.side"))
def sides(seen: Seen, *, clamp: Positive = 0.1) -> Tensor:
    """Both outputs of a field that is max(|h|, f): relative to the distance, cut off, and h on the surface.

    On either side of a sheet h is the distance with the sign of the side, where DEUDF (Xu et al., AAAI 2025)
    leaves an output that may be negative to the network; f says where the sheet ends
    (`neurfield.shapes.sided`).

    Args:
        clamp: unit lengths at which h and f are cut off, as of `shape_sdf`; the relative part has none.
    """
    points = seen.points["around"]
    band, known, weight = points.sizes["band"], points.columns, points.columns["weight"]
    total = seen.points["surface"].heads["side"].abs().mean() / band
    for name in ("side", "beyond"):
        value, true = points.heads[name][:, 0], known[name]
        off = value.clamp(-clamp, clamp) - true.clamp(-clamp, clamp)
        total = total + fused.fused_sdf(value, true, weight, band) + off.abs().mean() / band
    return total


@needs("points.around.inside")
def occupancy(seen: Seen, *, width: Positive = 0.005) -> Tensor:
    """Binary cross entropy of sigmoid(-f / width) and what is inside (Mescheder et al. 2019, Eq. 2).

    Args:
        width: unit lengths over which the occupancy falls from 0.73 to 0.27, the field's slope being one.
    """
    points = seen.points["around"]
    return binary_cross_entropy_with_logits(-points.sdf / width, points.columns["inside"])


@needs(optional=("points.apart",))
def off_surface(seen: Seen, *, sharpness: Positive = 100.0) -> Tensor:
    """Mean exp(-a |f|) away from the surface: there is none there (SIREN, Sitzmann et al. 2020, Eq. 6).

    Args:
        sharpness: a, per unit length.
    """
    return torch.exp(-sharpness * seen.points["apart"].sdf.abs()).mean()
