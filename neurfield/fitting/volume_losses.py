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


def draw_points(
    volume: VolumePoints | None, config: Config, progress: float, generator: torch.Generator
) -> tuple[Tensor, ...]:
    """What `volume_losses` looks at in a step, drawn on the generator's device, which is the field's; nothing
    without a volume or once it has let go."""
    warm = config.warm
    if volume is None or _hold(config, progress) <= 0.0:
        return ()
    index = volume.draw(2 * warm.points if progress < warm.alone else warm.points, generator)
    free = volume.draw_free(warm.free_points, generator)
    pairs = min(len(index), SMOOTH_POINTS) if config.loss.smooth > 0 else 0
    return index, free, torch.rand(pairs, 3, generator=generator, device=index.device) - 0.5


def volume_losses(
    field: SDFField,
    volume: VolumePoints | None,
    config: Config,
    progress: float,
    index: Tensor,
    free: Tensor,
    offset: Tensor,
) -> dict[str, Tensor]:
    """What the field costs where the volume has been seen, at what `draw_points` drew: points of the volume,
    points in free space, and steps aside [pairs, 3] from the first of the former."""
    assert volume is not None  # something was drawn
    weight, hold = config.loss, _hold(config, progress)
    near, pairs = len(index), len(offset)
    points = volume.points[index]
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


def _hold(config: Config, progress: float) -> float:
    """How much the volume counts: fully at first, then less until it lets go."""
    warm = config.warm
    if progress < warm.alone or warm.until <= 0:
        return 1.0
    if progress >= warm.until:
        return 0.0
    return (warm.until - progress) / (warm.until - warm.alone)
