"""What the hash grid and the simplex grid have in common as modules."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from neurfield.encodings.encoding import Encoding
from neurfield.ops.grid import INTERPOLATIONS, GridLayout, grid_encode

_INITIAL_RANGE = 1e-4
_DEFAULT_GROWTH = 1.38


class GridEncoding(Encoding):
    """A table of features, its layout, and how they are interpolated; `HashGrid` and `SimplexGrid` make one.

    Points outside [0, 1]^dimensions are legal: dense levels repeat, hashed ones hash what lies there.
    """

    backend = "neurfield"  # whose kernels encode

    def __init__(self, layout: GridLayout, interpolation: str, seed: int) -> None:
        super().__init__()
        if interpolation not in INTERPOLATIONS:
            who = type(self).__name__
            raise ValueError(f"{who}: interpolation must be one of {INTERPOLATIONS}, got {interpolation!r}")
        self.layout, self.interpolation = layout, interpolation
        self.dimensions, self.levels, self.output_dim = layout.dimensions, layout.levels, layout.output_dim
        generator = torch.Generator().manual_seed(seed)
        table = torch.empty(layout.n_parameters)
        self.table = nn.Parameter(table.uniform_(-_INITIAL_RANGE, _INITIAL_RANGE, generator=generator))

    @property
    def fuses(self) -> bool:
        """Whether our kernels may ask this grid and a network in one go."""
        return self.backend == "neurfield"

    @property
    def resolutions(self) -> tuple[int, ...]:
        """Vertices along an axis, per level."""
        return self.layout.resolutions

    def forward(self, points: Tensor, active_levels: int | None = None) -> Tensor:
        """Features [N, output_dim] of points [N, dimensions]; levels from `active_levels` on are zero."""
        self._check(points)
        return grid_encode(points, self.table, self.layout, self.interpolation, active_levels)

    def extra_repr(self) -> str:
        return f"{self.layout}, interpolation={self.interpolation!r}"


def growth_of(
    who: str, levels: int, base_resolution: int, growth: float | None, finest_resolution: int | None
) -> float:
    """The ratio of resolutions from level to level, from what was given of the two.

    Raises:
        ValueError: both were, or the finest level would be coarser than the first.
    """
    if finest_resolution is None:
        return _DEFAULT_GROWTH if growth is None else growth
    if growth is not None:
        raise ValueError(f"{who}: give growth or finest_resolution, not both")
    if finest_resolution < base_resolution:
        wanted = f"at least base_resolution ({base_resolution})"
        raise ValueError(f"{who}: finest_resolution must be {wanted}, got {finest_resolution}")
    return float((finest_resolution / base_resolution) ** (1.0 / max(levels - 1, 1)))
