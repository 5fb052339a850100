"""A multiresolution hash grid as a module."""

from __future__ import annotations

from neurfield.encodings.grid_encoding import GridEncoding, growth_of
from neurfield.ops.grid import GridLayout


class HashGrid(GridEncoding):
    """Features of points in [0, 1]^dimensions from a pyramid of lattices (Müller et al. 2022).

    Args:
        levels, features: features 1, 2 or 4 a level; log2_table_size: a level has at most 2**this entries.
        base_resolution, finest_resolution: vertices along an axis of the first and of the last level; the
            latter decides `growth` where given.
        growth: ratio of one level's resolution to that of the level before, 1.38 where neither is given.
        interpolation: "linear", or "smoothstep" for derivatives that are continuous across cells.
        seed: of the initial table, uniform in (-1e-4, 1e-4).
        dimensions: 2, 3 or 4.

    Raises:
        ValueError: the levels cannot be laid out, or both `growth` and `finest_resolution` are given.
    """

    def __init__(
        self,
        levels: int = 16,
        features: int = 2,
        log2_table_size: int = 19,
        base_resolution: int = 16,
        growth: float | None = None,
        finest_resolution: int | None = None,
        interpolation: str = "linear",
        seed: int = 0,
        dimensions: int = 3,
    ) -> None:
        ratio = growth_of("HashGrid", levels, base_resolution, growth, finest_resolution)
        layout = GridLayout(levels, features, log2_table_size, base_resolution, ratio, dimensions)
        super().__init__(layout, interpolation, seed)
