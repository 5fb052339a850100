"""What a fit to a scene is made of, as plain dataclasses.

A method is a preset in `configs/methods/<method>.yaml`; `neurfield/presets.py` tells how it is merged and
checked.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from pathlib import Path

from neurfield.errors import UserError
from neurfield.presets import PRESETS, Family


@dataclass
class DataConfig:
    sensor_depth: str = (
        "auto"  # exact | noisy | off | auto: exact where the scene has it, else noisy, else off
    )
    prior_depth: bool = False  # ambiguous depth of a monocular network: scale and shift unknown per image
    prior_normal: bool = False
    mask: bool = True  # used when the scene has masks
    holdout_every: int = 0  # every n-th frame is kept from all of the fit, for image scores; 0 keeps none
    images_per_step: int = 16
    box: list[float] = dataclasses.field(
        default_factory=list
    )  # world xmin ymin zmin xmax ymax zmax; empty: from the scene


@dataclass
class FieldConfig:
    encoding: str = "hash"  # hash | simplex | rbf | triplane | frequency: of the SDF, all of about equal size
    levels: int = 14
    features: int = 2
    log2_table_size: int = 18
    base_resolution: int = 16
    finest_resolution: int = 512  # cells along the longest side of the box
    interpolation: str = "smoothstep"  # linear | smoothstep
    hidden: list[int] = dataclasses.field(default_factory=lambda: [64, 64])
    feature_dim: int = 15
    softplus_beta: float = 100.0
    precision: str = (
        "float32"  # float32 | bfloat16 | float16: of the networks' derivatives, where it can be had
    )
    radius: float = 0.0  # of the initial sphere in unit-frame lengths; 0: from the cameras
    texture_levels: int = 12
    texture_log2_table_size: int = 18
    texture_resolution: int = 1024
    radiance_hidden: list[int] = dataclasses.field(default_factory=lambda: [64, 64])
    view_degree: int = 3  # spherical harmonics bands of the view direction
    start_levels: int = 5
    all_levels_at: float = 0.5  # share of the steps after which every level takes part


@dataclass
class OpacityConfig:
    kind: str = "neus"  # neus | volsdf
    width_start: float = 0.04  # 1/inv_s (neus) or beta (volsdf), in unit-frame lengths
    width_end: float = 0.003
    learn: bool = False  # learn the width from width_start on, as the papers do, instead of the schedule
    anneal: float = (
        0.3  # neus: share of the steps over which back-facing sections fade out (cosine annealing)
    )


@dataclass
class SamplingConfig:
    rays: int = 1024  # of the first step
    samples: int = (
        16384  # per step, on average: rays become more (to 8 times) as each needs fewer; 0: always `rays`
    )
    occupancy_resolution: int = 128
    occupancy_every: int = 16
    reach: float = 4.0  # widths on both sides of the surface that are sampled
    step: float = 0.8  # sample length in widths
    step_min: float = 0.003  # unit-frame lengths
    max_samples: int = 96
    depth_near: int = 10  # samples of a ray with sensor depth: inside the truncation band ...
    depth_free: int = 5  # ... and in front of it
    truncation: float = 0.012  # half width of that band at the end of the fit, unit-frame lengths
    random_points: int = 2048  # per step, uniform in the box, for the eikonal term


@dataclass
class LossConfig:
    color: float = 1.0
    eikonal: float = 0.1
    smooth: float = 0.0  # normals of neighbouring surface points agree
    sensor_sdf: float = 0.0  # SDF near the observed surface
    sensor_free: float = 0.0  # SDF in the free space in front of it
    sensor_depth: float = 0.0  # rendered depth
    prior_depth: float = 0.0
    prior_normal: float = 0.0
    prior_decay: float = 0.0  # priors fade as exp(-prior_decay * progress)
    mask: float = 0.1
    fused_sdf: float = 1.0  # SDF at the points of the fused volume, where there is one
    fused_free: float = 1.0  # no surface in space that views look through
    fused_normal: float = 0.1
    seen_points: float = 0.0  # SDF at points that several images show, where priors were aligned by such


@dataclass
class WarmConfig:
    start: str = "off"  # fuse: sensor depth, or priors aligned with each other, become one volume first; off
    voxel: float = 0.0  # world units; 0: the box's longest side / 512, for priors / 192
    alone: float = 0.25  # share of the steps that look at this volume only, coarse to fine; then come rays
    width_start: float = 0.006  # of the opacity when rays come: the surface is nearly there already
    points: int = 8192  # of the volume, per step; twice as many while alone
    free_points: int = 1024  # in space that views look through, per step
    until: float = 0.0  # share of the steps by which the volume has faded out; 0: it is held on to


@dataclass
class TrainConfig:
    steps: int = 5000
    lr_table: float = 1e-2
    lr_network: float = 2e-3
    lr_end: float = 0.03  # final over initial learning rate
    warmup: int = 50
    log_every: int = 100
    save_every: int = 1000
    preview_every: int = 1000


@dataclass
class MeshConfig:
    voxel: float = 0.0  # metres (world units); 0: the box's longest side / 512
    component: str = "all"  # all | largest


@dataclass
class Config:
    method: str = "neus"
    preset: str = "default"
    seed: int = 0
    device: str = "auto"
    data: DataConfig = dataclasses.field(default_factory=DataConfig)
    field: FieldConfig = dataclasses.field(default_factory=FieldConfig)
    opacity: OpacityConfig = dataclasses.field(default_factory=OpacityConfig)
    sampling: SamplingConfig = dataclasses.field(default_factory=SamplingConfig)
    loss: LossConfig = dataclasses.field(default_factory=LossConfig)
    warm: WarmConfig = dataclasses.field(default_factory=WarmConfig)
    train: TrainConfig = dataclasses.field(default_factory=TrainConfig)
    mesh: MeshConfig = dataclasses.field(default_factory=MeshConfig)


_POSITIVE = (
    "opacity.width_start", "opacity.width_end", "warm.width_start",
    "sampling.reach", "sampling.step", "sampling.truncation",
)  # fmt: skip


def _check(config: Config) -> None:
    if config.sampling.samples < 0:
        raise UserError("configuration key 'sampling.samples': 0 (no budget) is the least")
    if config.data.holdout_every < 0 or config.data.holdout_every == 1:
        raise UserError(
            f"configuration key 'data.holdout_every': {config.data.holdout_every} is not possible: "
            "give 2 or more to keep every n-th frame from the fit, or 0 to fit all"
        )
    for key in _POSITIVE:
        group, name = key.split(".")
        value = getattr(getattr(config, group), name)
        if not 0.0 < value < math.inf:
            raise UserError(f"configuration key '{key}': must be a positive number, got {value}")
    warm = config.warm
    if 0 < warm.until <= warm.alone:
        raise UserError(
            f"configuration key 'warm.until': the volume would have faded out by {warm.until:g} of the steps "
            f"while they look at it alone up to {warm.alone:g}; set warm.until above warm.alone, or to 0 to "
            "hold on to the volume"
        )
    if config.data.box and len(config.data.box) != 6:
        raise UserError(
            f"configuration key 'data.box': six numbers are needed (min and max), got {len(config.data.box)}"
        )


METHODS = Family(
    Config,
    folder="methods",
    word="method",
    name_key="method",
    choices={
        "data.sensor_depth": ("auto", "exact", "noisy", "off"),
        "field.encoding": ("hash", "simplex", "rbf", "triplane", "frequency"),
    "field.interpolation": ("linear", "smoothstep"),
        "field.precision": ("float32", "bfloat16", "float16"),
        "opacity.kind": ("neus", "volsdf"),
        "warm.start": ("fuse", "off"),
        "mesh.component": ("all", "largest"),
        "device": ("auto", "cpu", "cuda"),
        "preset": PRESETS,
    },
    at_least_one=(
        "train.steps", "train.log_every", "data.images_per_step", "field.levels",
        "sampling.rays", "sampling.max_samples", "sampling.occupancy_resolution", "sampling.occupancy_every",
    ),
    check=_check,
)  # fmt: skip


def methods() -> list[str]:
    """The names that `--method` takes: one per file in `configs/methods`."""
    return METHODS.names()


def load_config(
    method: str = "neus", preset: str = "default", overrides: tuple[str, ...] | list[str] = ()
) -> Config:
    """The configuration of a method under a preset with `group.key=value` overrides; UserError as
    `Family.load`."""
    return METHODS.load(method, preset, overrides)


def read_config(path: str | Path) -> Config:
    """Read a configuration written by `save_config`; UserError as `Family.read`."""
    return METHODS.read(path)


def save_config(config: Config, path: str | Path) -> None:
    """Write every value, so that the file alone re-runs the fit."""
    METHODS.save(config, path)
