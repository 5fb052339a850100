"""What a fit to an image is made of, as plain dataclasses.

Presets are in `configs/images/<encoding>.yaml`.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

from neurfield.errors import UserError
from neurfield.parts.groups import Train
from neurfield.presets import PRESETS, Family


@dataclass
class PixelConfig:
    """How a picture is read.

    Attributes:
        budget_mb: decoded pixels that are held; a larger picture is read tile by tile.
        tile: edge of such a tile, pixels.
    """

    budget_mb: int = 256  # decoded pixels that are held; a larger picture is read tile by tile
    tile: int = 256  # edge of such a tile


@dataclass
class EncodingConfig:
    """The encoding of the picture's plane.

    Attributes:
        kind: hash, simplex or rbf.
        levels: of the grid.
        features: numbers of an entry of the grid.
        base_resolution: cells of the coarsest level along the longest side.
        finest_resolution: cells of the finest level along the longest side; 0: half its pixels.
        log2_table_size: of a level's table, at most; 0: from parameters_per_pixel.
        parameters_per_pixel: of the encoding, about, where the sizes are not given.
        kernels: of rbf; 0: as many as give it the parameters that hash would have.
        neighbours: of rbf, kernels that a point sees.
        kernel_features: of rbf, numbers of a kernel.
        lowest, highest: of rbf, multipliers of the kernels' sinusoids, over their features.
    """

    kind: str = "hash"  # hash | simplex | rbf
    levels: int = 16
    features: int = 2
    base_resolution: int = 16
    finest_resolution: int = 0  # cells along the longest side; 0: half its pixels
    log2_table_size: int = 0  # 0: from parameters_per_pixel
    parameters_per_pixel: float = 0.9  # of the encoding, about, where the sizes are not given
    kernels: int = 0  # rbf: 0: as many as give it the parameters that hash would have
    neighbours: int = 4  # rbf: kernels that a point sees
    kernel_features: int = 32
    lowest: float = 0.125  # rbf: multipliers of the kernels' sinusoids, over their features
    highest: float = 4096.0


@dataclass
class NetworkConfig:
    """The network that turns features into colours.

    Attributes:
        hidden: units of the hidden layers.
        sine: the first layer is h + sin(w h), with w from the first to the second of these numbers over its
            units; empty: ReLU.
    """

    hidden: list[int] = dataclasses.field(default_factory=lambda: [64, 64])
    sine: list[float] = dataclasses.field(
        default_factory=list
    )  # first layer is h + sin(w h) with w from, to over its units; empty: relu


@dataclass(kw_only=True)
class ImageTrainConfig(Train):
    """How a fit to an image is trained.

    Args:
        pixels: of a step.
        lr_network: initial learning rate of the network.
        lr_kernels: initial learning rate of kernels.
    """

    pixels: int = 65536  # per step
    lr_network: float = 1e-2
    lr_kernels: float = 5e-3


@dataclass
class ImageConfig:
    """A fit to an image with all of its numbers: settings, and a dataclass for each group."""

    preset: str = "default"
    seed: int = 0
    device: str = "auto"
    image: PixelConfig = dataclasses.field(default_factory=PixelConfig)
    encoding: EncodingConfig = dataclasses.field(default_factory=EncodingConfig)
    network: NetworkConfig = dataclasses.field(default_factory=NetworkConfig)
    train: ImageTrainConfig = dataclasses.field(default_factory=ImageTrainConfig)


def _check(config: ImageConfig) -> None:
    if len(config.network.sine) not in (0, 2):
        raise UserError(
            "configuration key 'network.sine': two numbers (from, to) or none, "
            f"got {len(config.network.sine)}"
        )
    if not config.network.hidden or min(config.network.hidden) < 1:
        raise UserError(
            "configuration key 'network.hidden': at least one layer of at least one unit is needed"
        )
    if not 0.0 < config.encoding.parameters_per_pixel < math.inf:
        raise UserError("configuration key 'encoding.parameters_per_pixel': it must be positive and finite")


IMAGES = Family(
    ImageConfig,
    folder="images",
    word="encoding",
    name_key="encoding.kind",
    choices={
        "encoding.kind": ("hash", "simplex", "rbf"),
        "device": ("auto", "cpu", "cuda"),
        "preset": PRESETS,
    },
    at_least_one=(
        "train.steps", "train.pixels", "image.budget_mb", "image.tile", "encoding.levels",
        "encoding.neighbours", "encoding.kernel_features",
    ),
    check=_check,
)  # fmt: skip
