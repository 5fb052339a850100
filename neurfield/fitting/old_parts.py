"""The parts that the configuration of today means, until presets name them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from neurfield.config import Config
from neurfield.fields.make import make_radiance, make_sdf
from neurfield.losses import of_depth, of_field, of_pixels, of_points, of_priors
from neurfield.pixels.uniform import Uniform as UniformPixels
from neurfield.points import FusedDepth, Seen, Uniform
from neurfield.rendering import Marched, NeuS, RandomBehindMasks, VolSDF

LOSSES = {
    "color": of_pixels.color, "fused_sdf": of_points.fused_sdf, "fused_free": of_points.fused_free,
    "eikonal": of_field.eikonal, "smooth": of_field.smooth, "fused_normal": of_points.fused_normal,
    "seen_points": of_points.seen_points, "sensor_sdf": of_depth.sensor_sdf,
    "sensor_free": of_depth.sensor_free, "sensor_depth": of_depth.sensor_depth,
    "prior_depth": of_priors.prior_depth, "prior_normal": of_priors.prior_normal, "mask": of_pixels.mask,
}  # fmt: skip


@dataclass(frozen=True)
class Part:
    target: Callable[..., Any]
    numbers: dict[str, Any]
    weight: float = 1.0

    def make(self, *given: Any, **named: Any) -> Any:
        return self.target(*given, **named, **self.numbers)

    def load(self) -> Any:
        return self.target


class Parts:
    def __init__(self, config: Config) -> None:
        c, f, o, w = config, config.field, config.opacity, config.warm
        names = [
            "encoding",
            "levels",
            "features",
            "log2_table_size",
            "base_resolution",
            "finest_resolution",
            "interpolation",
            "hidden",
            "feature_dim",
            "softplus_beta",
            "precision",
            "radius",
            "start_levels",
            "all_levels_at",
        ]
        widths = {
            "width_start": o.width_start,
            "width_end": o.width_end,
            "width_warm": w.width_start,
            "learn": o.learn,
        }
        opacity = Part(NeuS, {**widths, "anneal": o.anneal}) if o.kind == "neus" else Part(VolSDF, widths)
        sampler = {k: v for k, v in vars(c.sampling).items() if k != "random_points"}
        points = {"uniform": Part(Uniform, {"count": c.sampling.random_points})}
        if w.start != "off":
            points = {
                "fused_depth": Part(
                    FusedDepth,
                    {
                        "voxel": w.voxel,
                        "count": w.points,
                        "free": w.free_points,
                        "alone": w.alone,
                        "until": w.until,
                    },
                ),
                "seen": Part(Seen, {}),
                **points,
            }
        weights = vars(c.loss)
        losses = {}
        for n, function in LOSSES.items():
            if weights[n] > 0:
                more = {"decay": c.loss.prior_decay} if n.startswith("prior_") else {}
                losses[n] = Part(function, more, weights[n])
        self._one = {
            "field": Part(make_sdf, {n: getattr(f, n) for n in names}),
            "color": Part(
                make_radiance,
                {
                    "levels": f.texture_levels,
                    "features": f.features,
                    "log2_table_size": f.texture_log2_table_size,
                    "base_resolution": f.base_resolution,
                    "finest_resolution": f.texture_resolution,
                    "hidden": f.radiance_hidden,
                    "view_degree": f.view_degree,
                    "precision": f.precision,
                },
            ),
            "pixels": Part(UniformPixels, {"images_per_step": c.data.images_per_step}),
            "sampler": Part(Marched, sampler),
            "background": Part(RandomBehindMasks, {}),
        }
        self._many = {"passes": {"surface": opacity}, "points": points, "losses": losses, "heads": {}}

    def one(self, slot: str) -> Part | None:
        return self._one.get(slot)

    def many(self, slot: str) -> dict[str, Part]:
        return self._many[slot]


def parts_of(config: Config) -> Parts:
    return Parts(config)
