"""The encoding for a picture: its sizes follow from the picture's."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch

from neurfield.encodings import Concatenation, Encoding, HashGrid, RadialBasis, SimplexGrid, place_kernels
from neurfield.encodings.kernel_placement import image_samples
from neurfield.errors import UserError
from neurfield.image_config import EncodingConfig
from neurfield.images import ImageSource
from neurfield.ops.grid import GridLayout

_LOG2_TABLE = range(8, 25)  # sizes that are chosen from; more can be asked for
_MOST_PARAMETERS = 2**26  # that are chosen: 1 GB with gradient and moments
_LARGEST_GRID_SHARE = 0.6  # of all parameters, beside kernels
_PLACED_BY = 2**25  # pixels that kernels are placed by; of a larger picture every n-th row and column


@dataclass(frozen=True)
class Sizes:
    """How fine a grid is, how large its tables are, and how many kernels stand beside it."""

    finest_resolution: int
    log2_table_size: int
    kernels: int


def sizes_for(settings: EncodingConfig, width: int, height: int) -> Sizes:
    """What the configuration leaves open, for a picture of these sides.

    Cells of two pixels are the finest (instant-ngp's image mode). Tables hold about `parameters_per_pixel`
    numbers a pixel. Kernels fill up to as many parameters as a hash grid with default levels would have.
    """
    finest = settings.finest_resolution or max(settings.base_resolution + 1, max(width, height) // 2)
    wanted = min(_MOST_PARAMETERS, settings.parameters_per_pixel * width * height)
    if settings.kind != "rbf":
        table = settings.log2_table_size or nearest_table(settings, settings.levels, finest, wanted)
        return Sizes(finest, table, 0)
    usual = EncodingConfig()
    hashed = nearest_table(usual, usual.levels, finest, wanted)
    total = grid_parameters(usual, usual.levels, finest, hashed)
    fitting = [
        size
        for size in _LOG2_TABLE
        if grid_parameters(settings, settings.levels, finest, size) <= _LARGEST_GRID_SHARE * total
    ]
    table = settings.log2_table_size or max(fitting, default=_LOG2_TABLE[0])
    left = total - grid_parameters(settings, settings.levels, finest, table)
    per_kernel = 2 + 3 + settings.kernel_features
    return Sizes(finest, table, settings.kernels or max(4 * settings.neighbours, round(left / per_kernel)))


def nearest_table(settings: EncodingConfig, levels: int, finest: int, wanted: float) -> int:
    """log2 of the table size whose grid's parameters come nearest to `wanted`, by their ratio."""
    return min(
        _LOG2_TABLE, key=lambda size: abs(math.log(grid_parameters(settings, levels, finest, size) / wanted))
    )


def grid_parameters(settings: EncodingConfig, levels: int, finest: int, log2_table_size: int) -> int:
    """Parameters of a hash grid in the plane, base to finest resolution (a simplex grid's are about as
    many)."""
    growth = (finest / settings.base_resolution) ** (1.0 / max(levels - 1, 1))
    layout = GridLayout(levels, settings.features, log2_table_size, settings.base_resolution, growth, 2)
    return layout.n_parameters


def make_encoding(settings: EncodingConfig, source: ImageSource, seed: int) -> Encoding:
    """The encoding that the settings name, of the sizes that suit a picture.

    Raises:
        UserError: its levels cannot be laid out.
    """
    grid = {"hash": HashGrid, "simplex": SimplexGrid, "rbf": HashGrid}[settings.kind]
    try:
        sizes = sizes_for(settings, source.width, source.height)
        encoding = grid(
            levels=settings.levels, features=settings.features, log2_table_size=sizes.log2_table_size,
            base_resolution=settings.base_resolution, finest_resolution=sizes.finest_resolution,
            seed=seed, dimensions=2,
        )  # fmt: skip
    except ValueError as error:
        raise UserError(f"configuration group 'encoding': {error}") from error
    return Concatenation(_kernels(settings, sizes.kernels, source, seed), encoding) if sizes.kernels else encoding


def _kernels(settings: EncodingConfig, count: int, source: ImageSource, seed: int) -> RadialBasis:
    """Kernels where the picture has edges, in its field's coordinates."""
    every = math.ceil(math.sqrt(source.width * source.height / _PLACED_BY))
    pixels = torch.from_numpy(overview(source, every).astype(np.float32) / source.peak)
    points, weights = image_samples(pixels)
    sides = torch.tensor([source.width, source.height], dtype=points.dtype) / max(source.width, source.height)
    centres, shapes = place_kernels(points * sides, weights, count, seed)
    return RadialBasis(
        centres=centres, shapes=shapes, dimensions=2, features=settings.kernel_features,
        neighbours=settings.neighbours, lowest=settings.lowest, highest=settings.highest, seed=seed,
    )  # fmt: skip


def overview(source: ImageSource, every: int) -> np.ndarray:
    """Every n-th row and column of a picture [h, w, channels], read band by band."""
    if source.held:
        return source.hold()[::every, ::every]
    band = 64 * every
    rows = range(0, source.height, band)
    return np.concatenate(
        [source.region(0, y, source.width, min(band, source.height - y))[::every, ::every] for y in rows]
    )
