"""Losses on points of the fused volume, and of the space that it knows to be free."""

from __future__ import annotations

import torch
from torch import Tensor

from neurfield.config import Config
from neurfield.fields import SDFField
from neurfield.fitting.warm_start import VolumePoints
from neurfield.losses import fused as fused_losses
from neurfield.losses import geometric as field_losses

SMOOTH_POINTS = 512  # pairs per step for the smoothness term
SMOOTH_STEP = 0.005  # their distance, unit lengths (MonoSDF's)


def volume_losses(
    field: SDFField,
    volume: VolumePoints | None,
    config: Config,
    progress: float,
    generator: torch.Generator,
) -> dict[str, Tensor]:
    """What the field costs where the volume has been seen; nothing without a volume or once it has let go.

    The points are drawn on the generator's device, which is the field's.
    """
    warm, weight = config.warm, config.loss
    alone = progress < warm.alone
    hold = 1.0 if alone or warm.until <= 0 else (warm.until - progress) / (warm.until - warm.alone)
    if volume is None or hold <= 0.0:
        return {}
    index = volume.draw(2 * warm.points if alone else warm.points, generator)
    free = volume.draw_free(warm.free_points, generator)
    near, pairs = len(index), min(len(index), SMOOTH_POINTS) if weight.smooth > 0 else 0
    points = volume.points[index]
    offset = torch.rand(pairs, 3, generator=generator, device=points.device) - 0.5
    neighbours = points[:pairs] + 2.0 * SMOOTH_STEP * offset
    there = field.query(torch.cat([points, free, neighbours]), gradient=True)
    assert there.gradient is not None
    sdf, gradient = there.sdf[:near], there.gradient[:near]
    losses = {
        "fused_sdf": hold * weight.fused_sdf
        * fused_losses.fused_sdf(sdf, volume.sdf[index], volume.weight[index], volume.band),
        "fused_free": weight.fused_free
        * fused_losses.seen_through(there.sdf[near : near + len(free)], 0.5 * volume.free_half),
        "eikonal": weight.eikonal * field_losses.eikonal(there.gradient[: near + len(free)]),
    }  # fmt: skip
    if pairs:
        smooth = field_losses.normal_smoothness(gradient[:pairs], there.gradient[near + len(free) :])
        losses["smooth"] = weight.smooth * smooth
    if volume.normal is not None and volume.normal_weight is not None:
        losses["fused_normal"] = hold * weight.fused_normal * fused_losses.fused_normals(
            gradient, volume.normal[index], volume.normal_weight[index]
        )  # fmt: skip
    return losses
