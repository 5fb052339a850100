"""How the planes of a tri-plane lie in memory."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

COMBINATIONS = ("sum", "product", "concatenation")


@dataclass(frozen=True)
class PlaneLayout:
    """Planes of all pairs of axes, `[level][plane][row][column][feature]`.

    Pairs are ordered as (0, 1), (0, 2), (1, 2). The first axis of a pair runs along a row, the second says
    which row, as `grid_sample` has it.

    Args:
        dimensions: axes of a point, 2 to 4: one plane, three, six.
        resolutions: texels along an edge, one number a level.
        features: of a texel; 1, 2 or a multiple of 4.
        combination: of the planes of a level: "sum", "product" or "concatenation".
        align_corners: the first and last texels lie at 0 and 1; else they are cells, with their middles half
            a cell inside.

    Raises:
        ValueError: naming the argument.
    """

    dimensions: int = 3
    resolutions: tuple[int, ...] = (128,)
    features: int = 32
    combination: str = "sum"
    align_corners: bool = True

    def __post_init__(self) -> None:
        if self.dimensions not in (2, 3, 4):
            raise ValueError(f"PlaneLayout: dimensions must be 2, 3 or 4, got {self.dimensions}")
        if not self.resolutions or any(r < 2 for r in self.resolutions):
            raise ValueError(
                f"PlaneLayout: resolutions must be one or more numbers of at least 2, got {self.resolutions}"
            )
        if self.features not in (1, 2) and (self.features < 4 or self.features % 4):
            raise ValueError(f"PlaneLayout: features must be 1, 2 or a multiple of 4, got {self.features}")
        if self.combination not in COMBINATIONS:
            raise ValueError(
                f"PlaneLayout: combination must be one of {', '.join(COMBINATIONS)}, got {self.combination!r}"
            )

    @cached_property
    def pairs(self) -> tuple[tuple[int, int], ...]:
        """The two axes of each plane."""
        return tuple(combinations(range(self.dimensions), 2))

    @property
    def levels(self) -> int:
        """Resolutions, coarse to fine as they are given."""
        return len(self.resolutions)

    @property
    def level_dim(self) -> int:
        """Features of one level."""
        return self.features * (len(self.pairs) if self.combination == "concatenation" else 1)

    @property
    def output_dim(self) -> int:
        """Features of a point."""
        return self.levels * self.level_dim

    @cached_property
    def offsets(self) -> tuple[int, ...]:
        """Where each level begins, in floats; at the end, how many there are."""
        offsets = [0]
        for resolution in self.resolutions:
            offsets.append(offsets[-1] + len(self.pairs) * resolution**2 * self.features)
        return tuple(offsets)

    @property
    def n_parameters(self) -> int:
        """Floats of all planes."""
        return self.offsets[-1]

    def lattice(self, level: int) -> tuple[float, float]:
        """Scale and shift from a coordinate in [0, 1] to texels of a level."""
        resolution = self.resolutions[level]
        return (resolution - 1.0, 0.0) if self.align_corners else (float(resolution), -0.5)

    def active(self, levels: int | None) -> int:
        """How many levels take part."""
        return self.levels if levels is None else min(max(levels, 0), self.levels)
