"""The encoding of a scene's SDF, as its configuration says: of about as many parameters whatever the kind."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from torch import nn

from neurfield.encodings import Encoding, Frequency, GridEncoding, HashGrid, SimplexGrid, TriPlane

_PLANE_FEATURES, _PLANE_LEVELS = 16, 3
_KERNEL_FEATURES, _KERNEL_NEIGHBOURS = 16, 8  # as NeuRBF has for distance fields
_OCTAVES_OFF = 2  # below the finest cells: 7 bands for 512, which are the 6 that NeuS has of [-1, 1]^3


@dataclass(frozen=True)
class EncodingSizes:
    """What the encoding of an SDF is made of.

    Sizes are those of a grid; other encodings take theirs from them (`make_encoding`).

    Attributes:
        encoding: hash, simplex, rbf, triplane or frequency.
        levels: of the grid.
        features: numbers that a point has of each level.
        log2_table_size: of each level's table, at most.
        base_resolution: cells of the coarsest level along the longest side of the box.
        finest_resolution: cells of the finest level along the longest side of the box.
        interpolation: between the corners of a cell, linear or smoothstep.
    """

    encoding: str = "hash"
    levels: int = 14
    features: int = 2
    log2_table_size: int = 18
    base_resolution: int = 16
    finest_resolution: int = 512
    interpolation: str = "smoothstep"


def make_encoding(settings: EncodingSizes, seed: int = 0) -> Encoding:
    """The encoding `settings.encoding` names, "hash", "simplex", "rbf", "triplane" or "frequency".

    Grids have the sizes of the configuration; tri-planes and radial bases about as many parameters as that
    hash grid, and frequencies reach about as far as its cells, without parameters.
    """
    kind = settings.encoding
    if kind == "frequency":
        octaves = math.floor(math.log2(settings.finest_resolution)) - _OCTAVES_OFF
        return Frequency(3, max(1, min(20, octaves)))
    if kind == "triplane":
        shares = sum(0.25**level for level in range(_PLANE_LEVELS))
        finest = int(math.sqrt(_budget(settings) / (3 * _PLANE_FEATURES * shares)))
        resolutions = [max(2, finest >> level) for level in reversed(range(_PLANE_LEVELS))]
        return TriPlane(3, resolutions, _PLANE_FEATURES, interpolation=settings.interpolation, seed=seed)
    if kind == "rbf":
        from neurfield.encodings.radial_basis import RadialBasis

        each = _KERNEL_FEATURES + 3 + 6  # with the centre and the shape
        return RadialBasis(
            max(_KERNEL_NEIGHBOURS, _budget(settings) // each), dimensions=3, features=_KERNEL_FEATURES,
            neighbours=_KERNEL_NEIGHBOURS, lowest=1.0, highest=8.0, blend=True, seed=seed,
        )  # fmt: skip
    grid = SimplexGrid if kind == "simplex" else HashGrid
    return grid(
        levels=settings.levels, features=settings.features, log2_table_size=settings.log2_table_size,
        base_resolution=settings.base_resolution, finest_resolution=settings.finest_resolution,
        interpolation=settings.interpolation, seed=seed,
    )  # fmt: skip


def first_levels(start: int, levels: int, encoding: Encoding) -> int:
    """How many of an encoding's levels take part from the start, at least one.

    Args:
        start: levels of a grid that would.
        levels: of that grid.
        encoding: the same share of whose levels is meant.
    """
    share = min(1.0, start / levels)
    return max(1, math.ceil(share * encoding.levels - 1e-9))


def encoding_groups(encoding: Encoding) -> dict[str, list[nn.Parameter]]:
    """Its parameters by how they learn: "table" for grids, whose gradients are sparse, else "encoding"."""
    own = list(encoding.parameters())
    return {"table" if isinstance(encoding, GridEncoding) else "encoding": own} if own else {}


def _budget(settings: EncodingSizes) -> int:
    """Parameters of the hash grid that the configuration describes."""
    return sum(p.numel() for p in make_encoding(replace(settings, encoding="hash")).parameters())
