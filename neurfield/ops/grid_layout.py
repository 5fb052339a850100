"""Where the entries of a multiresolution hash grid lie, in tiny-cuda-nn's way."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

_LARGEST_DENSE_RESOLUTION = 1625  # beyond it the number of vertices no longer fits 32 bits


@dataclass(frozen=True)
class GridLayout:
    """Where each level's entries lie in the flat table [n_entries * features], and how fine each level is.

    A level is dense if its vertices fit in 2**log2_table_size entries, hashed otherwise. `growth` is the
    ratio of resolutions from level to level.
    """

    levels: int = 16
    features: int = 2
    log2_table_size: int = 19
    base_resolution: int = 16
    growth: float = 1.38

    def __post_init__(self) -> None:
        if self.features not in (1, 2, 4):
            raise ValueError(f"GridLayout: features must be 1, 2 or 4, got {self.features}")
        if self.levels < 1 or self.base_resolution < 2 or self.growth < 1.0:
            raise ValueError(
                f"GridLayout: need levels >= 1, base_resolution >= 2 and growth >= 1, got {self}"
            )
        if not 3 <= self.log2_table_size <= 30:
            raise ValueError(f"GridLayout: log2_table_size must be 3 to 30, got {self.log2_table_size}")

    @cached_property
    def scales(self) -> tuple[float, ...]:
        """Lattice units per unit of length, each an exact float32: base_resolution * growth**level - 1."""
        log2_growth = np.float32(math.log2(np.float32(self.growth)))
        # The power is rounded from float64: no library's float32 exp2 shall decide how the levels round up.
        powers = [np.float32(2.0 ** float(np.float32(level) * log2_growth)) for level in range(self.levels)]
        return tuple(float(power * np.float32(self.base_resolution) - np.float32(1.0)) for power in powers)

    @cached_property
    def resolutions(self) -> tuple[int, ...]:
        """Vertices along an axis, per level."""
        return tuple(math.ceil(scale) + 1 for scale in self.scales)

    @cached_property
    def hashed(self) -> tuple[bool, ...]:
        """Whether a level shares its entries by hashing."""
        largest = 2**self.log2_table_size
        return tuple(r > _LARGEST_DENSE_RESOLUTION or r**3 > largest for r in self.resolutions)

    @cached_property
    def offsets(self) -> tuple[int, ...]:
        """First entry of each level, and the number of entries of all: levels + 1 numbers."""
        offsets = [0]
        for resolution, hashed in zip(self.resolutions, self.hashed):
            size = 2**self.log2_table_size if hashed else (resolution**3 + 7) // 8 * 8
            offsets.append(offsets[-1] + min(size, 2**self.log2_table_size))
        return tuple(offsets)

    @property
    def n_entries(self) -> int:
        return self.offsets[-1]

    @property
    def n_parameters(self) -> int:
        return self.n_entries * self.features

    @property
    def output_dim(self) -> int:
        return self.levels * self.features
