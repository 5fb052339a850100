"""What keys of earlier configurations (schema 1) are called now, and runs of that time carried over."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from neurfield.errors import UserError

_SAMPLER = (
    "rays", "samples", "occupancy_resolution", "occupancy_every", "reach", "step", "step_min", "max_samples",
    "depth_near", "depth_free", "truncation",
)  # fmt: skip
# Weights that losses had where a configuration said nothing.
_WEIGHTS = {
    "color": 1.0, "eikonal": 0.1, "smooth": 0.0, "sensor_sdf": 0.0, "sensor_free": 0.0, "sensor_depth": 0.0,
    "prior_depth": 0.0, "prior_normal": 0.0, "mask": 0.1, "fused_sdf": 1.0, "fused_free": 1.0,
    "fused_normal": 0.1, "seen_points": 0.0,
}  # fmt: skip
# Old key -> new keys, of methods that fit surfaces; keys of data, field, train and mesh that are not here are
# called as before.
RENAMED: dict[str, tuple[str, ...]] = {
    "data.images_per_step": ("pixels.images_per_step",),
    "field.texture_levels": ("color.levels",),
    "field.texture_log2_table_size": ("color.log2_table_size",),
    "field.texture_resolution": ("color.finest_resolution",),
    "field.radiance_hidden": ("color.hidden",),
    "field.view_degree": ("color.view_degree",),
    "field.features": ("field.features", "color.features"),
    "field.base_resolution": ("field.base_resolution", "color.base_resolution"),
    "field.precision": ("field.precision", "color.precision"),
    "opacity": ("passes.surface",),
    "opacity.kind": ("passes.surface",),
    "opacity.width_start": ("passes.surface.width_start",),
    "opacity.width_end": ("passes.surface.width_end",),
    "opacity.learn": ("passes.surface.learn",),
    "opacity.anneal": ("passes.surface.anneal",),
    "sampling": ("sampler",),
    **{f"sampling.{name}": (f"sampler.{name}",) for name in _SAMPLER},
    "sampling.random_points": ("points.uniform.count",),
    "loss": ("losses",),
    **{f"loss.{name}": (f"losses.{name}",) for name in _WEIGHTS},
    "loss.prior_decay": ("losses.prior_depth.decay", "losses.prior_normal.decay"),
    "warm": ("points.fused_depth",),
    "warm.start": ("points.fused_depth",),
    "warm.voxel": ("points.fused_depth.voxel",),
    "warm.alone": ("points.fused_depth.alone",),
    "warm.width_start": ("passes.surface.width_warm",),
    "warm.points": ("points.fused_depth.count",),
    "warm.free_points": ("points.fused_depth.free",),
    "warm.until": ("points.fused_depth.until",),
}
# The same of methods that fit pictures, whose keys of encoding and train are called as before.
RENAMED_OF_PICTURES: dict[str, tuple[str, ...]] = {
    "encoding.kind": ("encoding",),
    "image": ("points.picture",),
    "image.budget_mb": ("points.picture.budget_mb",),
    "image.tile": ("points.picture.tile",),
    "network": ("field",),
    "network.hidden": ("field.hidden",),
    "network.sine": ("field.sine",),
    "train.pixels": ("points.picture.count",),
}
_KEPT = ("data", "field", "train", "mesh")
_KEPT_OF_PICTURES = ("encoding", "train")
_GROUPS_OF_PICTURES = frozenset({"encoding", "image", "network"})  # by one of which a picture's are known
_OF_KERNELS = tuple(
    f"encoding.{n}" for n in ("kernels", "neighbours", "kernel_features", "lowest", "highest")
)
_TOP = ("method", "preset", "seed", "device")
# Where depth is not fused first, these had nothing to look at.
_OF_FUSION = ("losses.fused_sdf", "losses.fused_free", "losses.fused_normal", "losses.seen_points")


def now_called(key: str, value: Any = None, fits: str = "surface") -> str | None:
    """One line on what an old key is called now, or None.

    Args:
        key: the old one.
        value: said of it; of a mapping, its first old key is told.
        fits: what the method fits.
    """
    renamed = RENAMED_OF_PICTURES if fits == "picture" else RENAMED
    if key == "default":
        return "'default' is gone: its keys stand at the top level of the file now"
    for old in [*(name for name, _ in _leaves({key: value})), key]:
        if old in renamed:
            return f"'{old}' is now {' and '.join(repr(new) for new in renamed[old])}"
    return None


def migrated(old: dict[str, Any]) -> dict[str, Any]:
    """What a configuration of schema 1 says, in today's words: the same method with the same numbers.

    Raises:
        UserError: it has keys that schema 1 did not have.
    """
    return _of_picture(old) if _GROUPS_OF_PICTURES & old.keys() else _of_surface(old)


def _of_picture(old: dict[str, Any]) -> dict[str, Any]:
    """`migrated` of a fit to a picture."""
    said = dict(_leaves(old))
    encoding = said.pop("encoding.kind", "hash")
    flat: dict[str, Any] = {
        "fits": "picture", "method": encoding, "encoding.part": encoding, "encoding.levels": 16,
        "field.part": "picture", "points.picture.part": "picture", "losses.color.part": "picture",
        "losses.color.weight": 1.0,
    }  # fmt: skip
    for key, value in said.items():
        if key not in (*RENAMED_OF_PICTURES, *_TOP) and key.split(".")[0] not in _KEPT_OF_PICTURES:
            raise UserError(f"'{key}' does not exist")
        if encoding == "rbf" or key not in _OF_KERNELS:  # which meant nothing to the others
            flat.update(dict.fromkeys(RENAMED_OF_PICTURES.get(key, (key,)), value))
    return _nested(flat)


def _of_surface(old: dict[str, Any]) -> dict[str, Any]:
    """`migrated` of a fit to a scene."""
    flat: dict[str, Any] = {f"losses.{name}": weight for name, weight in _WEIGHTS.items()}
    flat["data.holdout_every"] = 0  # what it was where nothing was said
    kind, fused = "neus", False
    for key, value in _leaves(old):
        if key == "opacity.kind":
            kind = value
        elif key == "warm.start":
            fused = value not in ("off", False)
        elif key in RENAMED or key in _TOP or key.split(".")[0] in _KEPT:
            flat.update(dict.fromkeys(RENAMED.get(key, (key,)), value))
        else:
            raise UserError(f"'{key}' does not exist")
    if kind != "neus":
        flat.pop("passes.surface.anneal", None)
    weights = {f"losses.{name}" for name in _WEIGHTS}
    off = {key for key in weights if flat[key] == 0}
    if not fused:
        off |= {*_OF_FUSION, "points.fused_depth", "points.seen"}
    elif "losses.seen_points" not in off:
        flat["points.seen.part"] = "seen"
    flat.update({f"{key}.part": part for key, part in {**_PARTS, "passes.surface": kind}.items()})
    return _nested(
        {
            f"{key}.weight" if key in weights else key: value
            for key, value in flat.items()
            if not any(f"{key}.".startswith(f"{gone}.") for gone in off)
        }
    )


def _nested(flat: Mapping[str, Any]) -> dict[str, Any]:
    """Values by dotted keys as mappings in mappings."""
    new: dict[str, Any] = {}
    for key, value in flat.items():
        *path, last = key.split(".")
        place = new
        for word in path:
            place = place.setdefault(word, {})
        place[last] = value
    return new


_PARTS = {
    "field": "sdf", "color": "radiance", "pixels": "uniform", "sampler": "marched", "background": "random",
    "points.uniform": "uniform", "points.fused_depth": "fused_depth", "mesh": "level_set",
}  # fmt: skip


def _leaves(tree: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        if isinstance(value, dict) and value:
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
