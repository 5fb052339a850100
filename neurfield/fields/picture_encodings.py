"""Encodings of a picture's plane, as parts of a method: their sizes follow from the picture's."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import torch
from torch import Tensor

from neurfield.encodings import Concatenation, HashGrid, RadialBasis, SimplexGrid, place_kernels
from neurfield.encodings.kernel_placement import image_samples
from neurfield.images import ImageSource
from neurfield.images.picture import shrunk
from neurfield.ops.grid import GridLayout
from neurfield.parts import Number

Count = Annotated[int, Number(least=1)]
Size = Annotated[int, Number(least=0)]
Positive = Annotated[float, Number(above=0.0)]

_LOG2_TABLE = range(8, 25)  # sizes that are chosen from; more can be asked for
_MOST_PARAMETERS = 2**26  # that are chosen: 1 GB with gradient and moments
_PLACED_BY = 4096  # pixels of the longest side of what kernels are placed by, where a picture is not held
_LARGEST_GRID_SHARE = 0.6  # of all parameters, beside kernels


@dataclass(frozen=True)
class PlaneGrid:
    """A grid of the plane as a preset says it; 0 leaves a size to the picture.

    Attributes:
        levels: of the grid.
        features: numbers of an entry.
        base_resolution: cells of the coarsest level along the longest side.
        finest_resolution: cells of the finest level along the longest side; 0: half its pixels.
        log2_table_size: of a level's table, at most; 0: from parameters_per_pixel.
        parameters_per_pixel: of the encoding, about, where the sizes are not given.
    """

    levels: int = 16
    features: int = 2
    base_resolution: int = 16
    finest_resolution: int = 0
    log2_table_size: int = 0
    parameters_per_pixel: float = 0.9

    def finest(self, width: int, height: int) -> int:
        """Cells of the finest level: of two pixels where it is left open (instant-ngp's image mode)."""
        return self.finest_resolution or max(self.base_resolution + 1, max(width, height) // 2)

    def target(self, width: int, height: int) -> float:
        """About how many parameters an encoding of a picture of these sides may have."""
        return min(_MOST_PARAMETERS, self.parameters_per_pixel * width * height)

    def parameters(self, finest: int, log2_table_size: int) -> int:
        """Parameters of a hash grid of these sizes; a simplex grid's are about as many."""
        growth = (finest / self.base_resolution) ** (1.0 / max(self.levels - 1, 1))
        layout = GridLayout(self.levels, self.features, log2_table_size, self.base_resolution, growth, 2)
        return layout.n_parameters

    def nearest_table(self, finest: int, target: float) -> int:
        """log2 of the table size whose grid's parameters come nearest to the target, by their ratio."""
        return min(_LOG2_TABLE, key=lambda size: abs(math.log(self.parameters(finest, size) / target)))

    def arguments(self, width: int, height: int, log2_table_size: int) -> dict[str, Any]:
        """What a grid is made of, for a picture of these sides."""
        return {
            "levels": self.levels, "features": self.features, "log2_table_size": log2_table_size,
            "base_resolution": self.base_resolution, "finest_resolution": self.finest(width, height),
            "dimensions": 2,
        }  # fmt: skip


def table_for(grid: PlaneGrid, width: int, height: int) -> int:
    """log2 of the table size of a grid alone, for a picture of these sides."""
    finest = grid.finest(width, height)
    return grid.log2_table_size or grid.nearest_table(finest, grid.target(width, height))


def sizes_with_kernels(
    grid: PlaneGrid, kernels: int, neighbours: int, kernel_features: int, width: int, height: int
) -> tuple[int, int]:
    """log2 of the table size, and how many kernels stand beside the grid.

    Kernels fill up to as many parameters as a hash grid with default levels would have.

    Args:
        grid: beside the kernels.
        kernels: as asked for, or 0.
        neighbours: kernels that a point sees.
        kernel_features: numbers of a kernel.
        width, height: of the picture, pixels.
    """
    finest = grid.finest(width, height)
    usual = PlaneGrid()
    total = usual.parameters(finest, usual.nearest_table(finest, grid.target(width, height)))
    fitting = [size for size in _LOG2_TABLE if grid.parameters(finest, size) <= _LARGEST_GRID_SHARE * total]
    table = grid.log2_table_size or max(fitting, default=_LOG2_TABLE[0])
    rest = total - grid.parameters(finest, table)
    count = kernels or max(4 * neighbours, round(rest / (2 + 3 + kernel_features)))
    return table, min(count, width * height)


def make_hash(
    picture: ImageSource,
    seed: int,
    *,
    levels: Count = 16,
    features: Count = 2,
    base_resolution: Count = 16,
    finest_resolution: Size = 0,
    log2_table_size: Size = 0,
    parameters_per_pixel: Positive = 0.9,
) -> HashGrid:
    """A multiresolution hash grid (Müller et al. 2022).

    Args:
        picture: what is fitted.
        seed: of the table's numbers.
        levels: of the grid.
        features: numbers of an entry of the grid.
        base_resolution: cells of the coarsest level along the longest side.
        finest_resolution: cells of the finest level along the longest side; 0: half its pixels.
        log2_table_size: of a level's table, at most; 0: from parameters_per_pixel.
        parameters_per_pixel: of the encoding, about, where the sizes are not given.
    """
    grid = PlaneGrid(
        levels, features, base_resolution, finest_resolution, log2_table_size, parameters_per_pixel
    )
    sides = picture.width, picture.height
    return HashGrid(**grid.arguments(*sides, table_for(grid, *sides)), seed=seed)


def make_simplex(
    picture: ImageSource,
    seed: int,
    *,
    levels: Count = 16,
    features: Count = 2,
    base_resolution: Count = 16,
    finest_resolution: Size = 0,
    log2_table_size: Size = 0,
    parameters_per_pixel: Positive = 0.9,
) -> SimplexGrid:
    """The same with triangles for squares: a point sees 3 entries a level instead of 4.

    Args:
        picture: what is fitted.
        seed: of the table's numbers.
        levels: of the grid.
        features: numbers of an entry of the grid.
        base_resolution: cells of the coarsest level along the longest side.
        finest_resolution: cells of the finest level along the longest side; 0: half its pixels.
        log2_table_size: of a level's table, at most; 0: from parameters_per_pixel.
        parameters_per_pixel: of the encoding, about, where the sizes are not given.
    """
    grid = PlaneGrid(
        levels, features, base_resolution, finest_resolution, log2_table_size, parameters_per_pixel
    )
    sides = picture.width, picture.height
    return SimplexGrid(**grid.arguments(*sides, table_for(grid, *sides)), seed=seed, equal_density=True)


def make_rbf(
    picture: ImageSource,
    seed: int,
    fresh: bool,
    *,
    levels: Count = 2,
    features: Count = 2,
    base_resolution: Count = 16,
    finest_resolution: Size = 0,
    log2_table_size: Size = 0,
    parameters_per_pixel: Positive = 0.9,
    kernels: Size = 0,
    neighbours: Count = 4,
    kernel_features: Count = 32,
    lowest: Positive = 0.125,
    highest: Positive = 4096.0,
) -> Concatenation:
    """Radial bases where the picture has detail, beside a hash grid (NeuRBF, Chen et al. 2023).

    Args:
        picture: what is fitted, and what kernels are placed by.
        seed: of all numbers.
        fresh: kernels are placed by the picture; otherwise anywhere, for a state that brings its own.
        levels: of the grid.
        features: numbers of an entry of the grid.
        base_resolution: cells of the coarsest level along the longest side.
        finest_resolution: cells of the finest level along the longest side; 0: half its pixels.
        log2_table_size: of a level's table, at most; 0: from parameters_per_pixel.
        parameters_per_pixel: of grid and kernels, about, where the sizes are not given.
        kernels: how many; 0: as many as give it the parameters that hash would have.
        neighbours: kernels that a point sees.
        kernel_features: numbers of a kernel.
        lowest, highest: multipliers of the kernels' sinusoids, over their features.
    """
    grid = PlaneGrid(
        levels, features, base_resolution, finest_resolution, log2_table_size, parameters_per_pixel
    )
    sides = picture.width, picture.height
    table, count = sizes_with_kernels(grid, kernels, neighbours, kernel_features, *sides)
    beside = HashGrid(**grid.arguments(*sides, table), seed=seed)
    centres, shapes = _placed(picture, count, seed) if fresh else (None, None)
    bases = RadialBasis(
        None if fresh else count, centres, shapes, dimensions=2, features=kernel_features,
        neighbours=min(neighbours, count), lowest=lowest, highest=highest, seed=seed,
    )  # fmt: skip
    return Concatenation(beside, bases)


def _placed(picture: ImageSource, count: int, seed: int) -> tuple[Tensor, Tensor]:
    """Centres and shapes of kernels that gather where the picture has detail, in the field's coordinates."""
    longest = max(picture.width, picture.height)
    pixels = picture.hold() if picture.held else shrunk(picture, _PLACED_BY)
    points, weights = image_samples(torch.from_numpy(pixels.astype(np.float32)))
    points = points * torch.tensor([picture.width / longest, picture.height / longest])
    return place_kernels(points, weights, count, seed)
