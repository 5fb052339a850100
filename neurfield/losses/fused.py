"""Losses on what a volume of fused depth knows of points of space."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import normalize


def fused_sdf(sdf: Tensor, target: Tensor, weight: Tensor, band: float) -> Tensor:
    """Weighted mean of |sdf - target| over points [N], in bands.

    Args:
        sdf: [N] of the field.
        target: [N] of the volume.
        weight: [N].
        band: the unit of the errors, in the lengths of the sdf.
    """
    return ((sdf - target).abs() * weight).sum() / (band * weight.sum().clamp_min(1e-9))


def fused_normals(gradient: Tensor, normal: Tensor, weight: Tensor) -> Tensor:
    """Weighted mean of L1 and angular difference between the SDF's direction and fused normals.

    As MonoSDF (Yu et al. 2022, Eq. 12) has it for rendered ones.

    Args:
        gradient: [N, 3] of the SDF.
        normal: [N, 3] unit, the same axes.
        weight: [N].
    """
    unit = normalize(gradient, dim=1, eps=1e-5)
    difference = (unit - normal).abs().sum(dim=1) + (1.0 - (unit * normal).sum(dim=1))
    return (difference * weight).sum() / weight.sum().clamp_min(1e-9)


def seen_through(sdf: Tensor, least: float) -> Tensor:
    """Mean violation of sdf >= least at points [N] that some view looks through, in units of `least`."""
    return torch.relu(least - sdf).mean() / least if sdf.numel() else sdf.sum()


def on_surface(sdf: Tensor, band: float) -> Tensor:
    """Mean |sdf| at points [N] of the surface, in bands (Geo-NeuS, Fu et al. 2022, Eq. 9, cut off).

    A point farther away than a band counts, but does not pull. Within half a band, where points err
    themselves, it is Huber's: the nearer the weaker it pulls, so that walls do not follow each point's own
    error.

    Args:
        sdf: [N] of the field.
        band: in the lengths of the sdf.
    """
    distance = (sdf.abs() / band).clamp_max(1.0)
    return torch.where(distance < 0.5, distance.square(), distance - 0.25).mean()
