"""Where the entries of a multiresolution hash grid lie, in tiny-cuda-nn's way."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

# Beyond these a level's vertices are not numbered row by row: tiny-cuda-nn's limits for 32-bit numbers.
_LARGEST_DENSE_RESOLUTION = {2: 65535, 3: 1625, 4: 255}


@dataclass(frozen=True)
class GridLayout:
    """Where each level's entries lie in the flat table [n_entries * features], and how fine each level is.

    A level is dense if its vertices fit in 2**log2_table_size entries, hashed otherwise.

    Args:
        levels: lattices, from coarse to fine.
        features: of an entry; 1, 2 or 4.
        log2_table_size: of the most entries of a level; 3 to 30.
        base_resolution: vertices along an axis of the first level, at least 2.
        growth: ratio of resolutions from level to level, at least 1.
        dimensions: of a point; 2, 3 or 4.

    Raises:
        ValueError: naming the argument.
    """

    levels: int = 16
    features: int = 2
    log2_table_size: int = 19
    base_resolution: int = 16
    growth: float = 1.38
    dimensions: int = 3

    def __post_init__(self) -> None:
        for name in ("levels", "features", "log2_table_size", "base_resolution", "dimensions"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int):
                hint = "; a table's size is 2**log2_table_size" if name == "log2_table_size" else ""
                raise ValueError(f"{self._who}: {name} must be a whole number, got {value!r}{hint}")
        if self.features not in (1, 2, 4):
            raise ValueError(f"{self._who}: features must be 1, 2 or 4, got {self.features}")
        if self.dimensions not in _LARGEST_DENSE_RESOLUTION:
            raise ValueError(f"{self._who}: dimensions must be 2, 3 or 4, got {self.dimensions}")
        if self.levels < 1:
            raise ValueError(f"{self._who}: levels must be at least 1, got {self.levels}")
        if self.base_resolution < 2:
            raise ValueError(f"{self._who}: base_resolution must be at least 2, got {self.base_resolution}")
        if not self.growth >= 1.0:
            raise ValueError(f"{self._who}: growth must be at least 1, got {self.growth}")
        if not 3 <= self.log2_table_size <= 30:
            raise ValueError(f"{self._who}: log2_table_size must be 3 to 30, got {self.log2_table_size}")

    @property
    def _who(self) -> str:
        return type(self).__name__

    @property
    def simplex(self) -> bool:
        """Whether cells are simplices of a skewed lattice instead of cubes."""
        return False

    @property
    def vertices(self) -> int:
        """Entries that a point is interpolated between, per level."""
        return 2**self.dimensions

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
        largest = _LARGEST_DENSE_RESOLUTION[self.dimensions]
        return tuple(r > largest or r**self.dimensions > 2**self.log2_table_size for r in self.resolutions)

    @cached_property
    def steps(self) -> tuple[tuple[int, ...], ...]:
        """Of a dense level: entries from a vertex to the next along each axis; a hashed one has none."""
        return tuple(
            () if hashed else tuple(r**axis for axis in range(self.dimensions))
            for r, hashed in zip(self.resolutions, self.hashed)
        )

    @cached_property
    def offsets(self) -> tuple[int, ...]:
        """First entry of each level, and the number of entries of all: levels + 1 numbers."""
        offsets, most = [0], 2**self.log2_table_size
        for level, hashed in enumerate(self.hashed):
            offsets.append(offsets[-1] + (most if hashed else min(most, self._dense_size(level))))
        return tuple(offsets)

    def _dense_size(self, level: int) -> int:
        return (self.resolutions[level] ** self.dimensions + 7) // 8 * 8

    @property
    def n_entries(self) -> int:
        return self.offsets[-1]

    @property
    def n_parameters(self) -> int:
        return self.n_entries * self.features

    @property
    def output_dim(self) -> int:
        return self.levels * self.features
