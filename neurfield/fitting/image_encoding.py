"""The encoding for a picture: its sizes follow from the picture's."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from neurfield.encodings import Concatenation, Encoding, HashGrid, RadialBasis, SimplexGrid, place_kernels
from neurfield.encodings.kernel_placement import image_samples
from neurfield.errors import UserError
from neurfield.image_config import EncodingConfig
from neurfield.images import ImageSource
from neurfield.images.picture import shrunk
from neurfield.ops.grid import GridLayout

_LOG2_TABLE = range(8, 25)  # sizes that are chosen from; more can be asked for
_MOST_PARAMETERS = 2**26  # that are chosen: 1 GB with gradient and moments
_PLACED_BY = 4096  # pixels of the longest side of what kernels are placed by, where a picture is not held
_LARGEST_GRID_SHARE = 0.6  # of all parameters, beside kernels


@dataclass(frozen=True)
class Sizes:
    """How fine a grid is, how large its tables are, and how many kernels stand beside it.

    Attributes:
        finest_resolution: cells of the finest level along the longest side.
        log2_table_size: of a level's table, at most.
        kernels: of radial bases; 0: none.
    """

    finest_resolution: int
    log2_table_size: int
    kernels: int


def sizes_for(settings: EncodingConfig, width: int, height: int) -> Sizes:
    """What the configuration leaves open, for a picture of these sides.

    Cells of two pixels are the finest (instant-ngp's image mode). Tables hold about `parameters_per_pixel`
    numbers a pixel. Kernels fill up to as many parameters as a hash grid with default levels would have.
    """
    finest = settings.finest_resolution or max(settings.base_resolution + 1, max(width, height) // 2)
    target = min(_MOST_PARAMETERS, settings.parameters_per_pixel * width * height)
    if settings.kind != "rbf":
        table = settings.log2_table_size or nearest_table(settings, settings.levels, finest, target)
        return Sizes(finest, table, 0)
    usual = EncodingConfig()
    hashed = nearest_table(usual, usual.levels, finest, target)
    total = grid_parameters(usual, usual.levels, finest, hashed)
    fitting = [
        size
        for size in _LOG2_TABLE
        if grid_parameters(settings, settings.levels, finest, size) <= _LARGEST_GRID_SHARE * total
    ]
    table = settings.log2_table_size or max(fitting, default=_LOG2_TABLE[0])
    rest = total - grid_parameters(settings, settings.levels, finest, table)
    per_kernel = 2 + 3 + settings.kernel_features
    kernels = settings.kernels or max(4 * settings.neighbours, round(rest / per_kernel))
    return Sizes(finest, table, min(kernels, width * height))


def nearest_table(settings: EncodingConfig, levels: int, finest: int, target: float) -> int:
    """log2 of the table size whose grid's parameters come nearest to `wanted`, by their ratio."""
    return min(
        _LOG2_TABLE, key=lambda size: abs(math.log(grid_parameters(settings, levels, finest, size) / target))
    )


def grid_parameters(settings: EncodingConfig, levels: int, finest: int, log2_table_size: int) -> int:
    """Parameters of a hash grid in the plane, from its base to its finest resolution.

    A simplex grid's are about as many.

    Args:
        settings: the base resolution and the features.
        levels: of the grid.
        finest: cells of the finest level along the longest side.
        log2_table_size: of a level's table, at most.
    """
    growth = (finest / settings.base_resolution) ** (1.0 / max(levels - 1, 1))
    layout = GridLayout(levels, settings.features, log2_table_size, settings.base_resolution, growth, 2)
    return layout.n_parameters


def make_encoding(settings: EncodingConfig, source: ImageSource, seed: int, fresh: bool = True) -> Encoding:
    """The encoding that the settings name, of the sizes that suit a picture.

    Args:
        settings: the encoding's name and numbers.
        source: the picture.
        seed: of the encoding's numbers.
        fresh: kernels are placed by the picture; otherwise anywhere, for a state that brings its own.

    Raises:
        UserError: its levels cannot be laid out, or it has too few kernels.
    """
    kinds = {"hash": HashGrid, "simplex": SimplexGrid, "rbf": HashGrid}
    try:
        sizes = sizes_for(settings, source.width, source.height)
        more: dict[str, Any] = {"equal_density": True} if settings.kind == "simplex" else {}
        grid = kinds[settings.kind](
            levels=settings.levels, features=settings.features, log2_table_size=sizes.log2_table_size,
            base_resolution=settings.base_resolution, finest_resolution=sizes.finest_resolution,
            seed=seed, dimensions=2, **more,
        )  # fmt: skip
        if settings.kind != "rbf":
            return grid
        options: dict[str, Any] = {"count": sizes.kernels}
        if fresh:
            centres, shapes = _placed(source, sizes.kernels, seed)
            options = {"centres": centres, "shapes": shapes}
        kernels = RadialBasis(
            dimensions=2, features=settings.kernel_features,
            neighbours=min(settings.neighbours, sizes.kernels),
            lowest=settings.lowest, highest=settings.highest, seed=seed, **options,
        )  # fmt: skip
    except ValueError as error:
        raise UserError(f"configuration group 'encoding': {error}") from error
    return Concatenation(grid, kernels)


def _placed(source: ImageSource, count: int, seed: int) -> tuple[Tensor, Tensor]:
    """Centres and shapes of kernels that gather where the picture has detail, in the field's coordinates."""
    longest = max(source.width, source.height)
    picture = source.hold() if source.held else shrunk(source, _PLACED_BY)
    points, weights = image_samples(torch.from_numpy(picture.astype(np.float32)))
    points = points * torch.tensor([source.width / longest, source.height / longest])
    return place_kernels(points, weights, count, seed)
