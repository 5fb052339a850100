"""The encoding of a scene's SDF, as its configuration says: of about as many parameters whatever the kind."""

from __future__ import annotations

import math
from dataclasses import replace

from torch import nn

from neurfield.config import FieldConfig
from neurfield.encodings import Encoding, Frequency, GridEncoding, HashGrid, SimplexGrid, TriPlane
from neurfield.fitting.optimizer import Group

_PLANE_FEATURES, _PLANE_LEVELS = 16, 3
_KERNEL_FEATURES, _KERNEL_NEIGHBOURS = 16, 8  # as NeuRBF has for distance fields
_OCTAVES_OFF = 2  # below the finest cells: 7 bands for 512, which are the 6 that NeuS has of [-1, 1]^3


def make_encoding(settings: FieldConfig, seed: int = 0) -> Encoding:
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


def first_levels(settings: FieldConfig, encoding: Encoding) -> int:
    """How many of an encoding's levels take part from the start: the share that the grid has."""
    share = min(1.0, settings.start_levels / settings.levels)
    return max(1, math.ceil(share * encoding.levels - 1e-9))


def table_groups(encoding: Encoding, tables: list[nn.Parameter], learning_rate: float) -> list[Group]:
    """Parameters of the tables' learning rate: `tables` and the encoding's own, sparse only for grids."""
    own = list(encoding.parameters())
    if isinstance(encoding, GridEncoding):
        return [Group("table", [*own, *tables], learning_rate, sparse=True)]
    made = [Group("table", tables, learning_rate, sparse=True)]
    return [*made, Group("encoding", own, learning_rate)] if own else made


def _budget(settings: FieldConfig) -> int:
    """Parameters of the hash grid that the configuration describes."""
    return sum(p.numel() for p in make_encoding(replace(settings, encoding="hash")).parameters())
