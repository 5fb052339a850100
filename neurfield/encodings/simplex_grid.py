"""A multiresolution grid of simplices as a module."""

from __future__ import annotations

from neurfield.encodings.grid_encoding import GridEncoding, growth_of
from neurfield.ops.simplex_layout import SimplexLayout


class SimplexGrid(GridEncoding):
    """`HashGrid` with simplices for cells (Wen and Yang, arXiv 2311.15439).

    A point is interpolated between dimensions + 1 entries of a level, where a cube has 2**dimensions. The
    features are linear in each simplex, so their derivatives jump at its faces; "smoothstep" smooths them
    across the cells of the skewed lattice, but not between the simplices that one cell is cut into. For
    losses on curvature take differences over about a cell.

    Args:
        equal_density: as many vertices in the unit cube as the hash grid of the same resolutions has;
            otherwise the scales are the same, and the vertices fewer: sqrt(n + 1)**(n - 1) times.

    The others, and what is raised, as for `HashGrid`.
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
        equal_density: bool = False,
    ) -> None:
        ratio = growth_of("SimplexGrid", levels, base_resolution, growth, finest_resolution)
        layout = SimplexLayout(
            levels, features, log2_table_size, base_resolution, ratio, dimensions, equal_density
        )
        super().__init__(layout, interpolation, seed)
