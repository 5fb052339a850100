"""Parts with the names and numbers of neurfield's own, and nothing behind them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

from neurfield.parts import Number, needs

if TYPE_CHECKING:
    from torch import Tensor

Positive = Annotated[float, Number(above=0.0)]
Count = Annotated[int, Number(least=1)]
Share = Annotated[float, Number(least=0.0, most=1.0)]


def make_sdf(
    *,
    encoding: Literal["hash", "simplex", "rbf", "triplane", "frequency"] = "hash",
    levels: Count = 14,
    features: Count = 2,
    log2_table_size: Count = 18,
    base_resolution: Count = 16,
    finest_resolution: Count = 512,
    interpolation: Literal["linear", "smoothstep"] = "smoothstep",
    hidden: list[Count] = [64, 64],  # noqa: B006
    feature_dim: int = 15,
    softplus_beta: float = 100.0,
    precision: Literal["float32", "bfloat16", "float16"] = "float32",
    radius: float = 0.0,
    start_levels: Count = 5,
    all_levels_at: float = 0.5,
) -> dict[str, Any]:
    """A signed distance field.

    Args:
        encoding: of points, all of about equal size. levels: of the grid.
        features: of each level
        base_resolution, finest_resolution: cells along the
            longest side of the box.
        radius: of the initial sphere in unit-frame lengths; 0: from the cameras.

    Returns:
        what it was given.
    """
    return dict(locals())


def make_radiance(
    *,
    levels: Count = 12,
    log2_table_size: Count = 18,
    finest_resolution: Count = 1024,
    features: Count = 2,
    base_resolution: Count = 16,
    hidden: tuple[int, ...] = (64, 64),
    view_degree: int = 3,
    precision: Literal["float32", "bfloat16", "float16"] = "float32",
) -> dict[str, Any]:
    """Colour."""
    return dict(locals())


def make_hash(*, levels: Count = 16, features: Count = 2) -> dict[str, Any]:
    """A hash grid of a picture.

    Args:
        levels: of the grid.
    """
    return dict(locals())


def make_rbf(*, levels: Count = 2, kernels: Annotated[int, Number(least=0)] = 0) -> dict[str, Any]:
    """Radial bases of a picture."""
    return dict(locals())


def make_picture(*, hidden: list[Count] = [64, 64], sine: list[float] = []) -> dict[str, Any]:  # noqa: B006
    """A picture."""
    return dict(locals())


class Uniform:
    """Pixels of some images, all alike.

    Args:
        scene: not a number. images_per_step: how many images a step looks at.
    """

    def __init__(self, scene: Tensor, *, images_per_step: Count = 16) -> None:
        self.given, self.images_per_step = scene, images_per_step


def marched(
    *,
    rays: Count = 1024,
    samples: Annotated[int, Number(least=0)] = 16384,
    occupancy_resolution: Count = 128,
    occupancy_every: Count = 16,
    reach: Positive = 4.0,
    step: Positive = 0.8,
    step_min: float = 0.003,
    max_samples: Count = 96,
    depth_near: int = 10,
    depth_free: int = 5,
    truncation: Positive = 0.012,
) -> None:
    """Marching."""


class Opacity:
    """What opacities share.

    Args:
        width_start: at the first step. width_end: at the last.
    """

    def __init__(self, *, width_start: Positive = 0.04, width_end: Positive = 0.003) -> None: ...


@dataclass(kw_only=True)
class NeuS:
    """Logistic opacity.

    Args:
        width_start: of the first step, unit-frame lengths.
    """

    width_start: Positive = 0.04
    width_end: Positive = 0.003
    learn: bool = False
    anneal: Share = 0.3
    width_warm: Positive = 0.006


@dataclass(kw_only=True)
class VolSDF:
    """Laplace density."""

    width_start: Positive = 0.04
    width_end: Positive = 0.003
    learn: bool = False
    width_warm: Positive = 0.006


def refined(*, start: float = 0.25, stop: float = 0.6) -> object:
    """Poses that move between two shares of the steps.

    Args:
        start: share of the steps.
        stop: share of the steps.
    """
    return start, stop


def dual(*, when: str = "always", partner: str = "average") -> object:
    """Masks of what only some pictures show.

    Args:
        when: they are used.
        partner: what the field is to agree with.
    """
    return when, partner


def random_behind_masks() -> None:
    """A random colour behind the object's outline."""


def surroundings(*, beyond: Literal["direction", "chosen"] = "direction") -> None:
    """What suits the scene.

    Args:
        beyond: how what is beyond the box is learnt.
    """


def uniform_points(*, count: Annotated[int, Number(least=0)] = 2048) -> None:
    """Points anywhere in the box."""


def fused_depth(
    *, voxel: float = 0.0, count: Count = 8192, free: int = 1024, alone: Share = 0.25, until: Share = 0.0
) -> None:
    """Points of fused depth."""


def seen(*, count: Count = 2048, band: Positive = 0.03) -> None:
    """Points that several images show."""


def picture_pixels(*, count: Count = 65536, budget_mb: Count = 256, tile: Count = 256) -> None:
    """Pixels of a picture."""


def level_set(*, voxel: float = 0.0, component: Literal["all", "largest"] = "all") -> None:
    """The level set of the field."""


def _faded_too_early(*, alone: float, until: float, **others: Any) -> str | None:
    return f"until {until:g} is not above alone {alone:g}" if 0 < until <= alone else None


fused_depth.wrong_numbers = _faded_too_early  # type: ignore[attr-defined]


@needs("pixels.rgb", "passes.{at}")
def color(seen: Any, *, at: str = "surface") -> float:
    """Absolute difference of colours.

    Args:
        seen: what there is. at: the pass that is compared.
    """
    return 0.5


@needs("samples.gradient")
def eikonal(seen: Any) -> float:
    """Unit slope."""
    return 0.0


def plain(seen: Any) -> float:
    """A loss without numbers."""
    return 0.0


@needs("passes.surface", optional=["pixels.prior_depth"])
def prior_depth(seen: Any, *, decay: Annotated[float, Number(least=0.0)] = 0.0) -> float:
    """Depth up to scale and shift."""
    return decay


@needs("passes.surface", optional=["pixels.prior_normal"])
def prior_normal(seen: Any) -> float:
    """Normals."""
    return 0.0


@needs("points.fused_depth")
def fused(seen: Any) -> float:
    """A loss on fused points."""
    return 0.0


@needs("pixels.rgb")
def s3im(seen: Any, *, kernel: Count = 4, stride: Count = 4, repeats: Count = 10) -> float:
    """Structure over random patches (S3IM, Xie et al. 2023, Sec. 3).

    Args:
        kernel: pixels along a side of the window (their 4).
        stride: pixels between two windows. repeats: shuffled pictures per step.
    """
    return 1.0


@needs("points.picture")
def picture(seen: Any) -> float:
    """Colours of a picture."""
    return 0.0


@needs("pixels.segment")
def semantics(seen: Any, *, classes: Count, ignored: list[int] = [0]) -> float:  # noqa: B006
    """Labels of objects.

    Args:
        classes: how many there are.
        ignored: those that do not count.
    """
    return 0.0


def surface_color(*, share: float = 0.25, pixels: int = 16384, rate: float = 2.0) -> object:
    """Colour alone, in the last part of the steps.

    Args:
        share: of the steps.
        pixels: a step.
        rate: times those of train.
    """
    return 0.0


HERE = "tests.parts.stand_ins"
TABLE = {
    "encoding": {
        "hash": f"{HERE}:make_hash", "simplex": f"{HERE}:make_hash", "rbf": f"{HERE}:make_rbf",
    },
    "field": {"sdf": f"{HERE}:make_sdf", "picture": f"{HERE}:make_picture"},
    "heads": {},
    "color": {"radiance": f"{HERE}:make_radiance"},
    "pixels": {"uniform": f"{HERE}:Uniform"},
    "sampler": {"marched": f"{HERE}:marched"},
    "passes": {"neus": f"{HERE}:NeuS", "volsdf": f"{HERE}:VolSDF"},
    "background": {"random": f"{HERE}:random_behind_masks", "surroundings": f"{HERE}:surroundings"},
    "poses": {"refined": f"{HERE}:refined"},
    "transients": {"dual": f"{HERE}:dual"},
    "points": {
        "uniform": f"{HERE}:uniform_points", "fused_depth": f"{HERE}:fused_depth", "seen": f"{HERE}:seen",
        "picture": f"{HERE}:picture_pixels",
    },
    "losses": {
        "color": f"{HERE}:color", "eikonal": f"{HERE}:eikonal",
        **dict.fromkeys(("smooth", "sensor_sdf", "sensor_free", "sensor_depth"), f"{HERE}:plain"),
        "prior_depth": f"{HERE}:prior_depth", "prior_normal": f"{HERE}:prior_normal", "mask": f"{HERE}:plain",
        **dict.fromkeys(("fused_sdf", "fused_free", "fused_normal"), f"{HERE}:fused"),
        "seen_points": f"{HERE}:plain", "s3im": f"{HERE}:s3im", "semantics": f"{HERE}:semantics",
        "picture": f"{HERE}:picture",
    },
    "polish": {"surface_color": f"{HERE}:surface_color"},
    "mesh": {"level_set": f"{HERE}:level_set"},
}  # fmt: skip
