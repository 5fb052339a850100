"""A multiresolution hash grid as a module."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from neurfield.ops.hash_grid import INTERPOLATIONS, GridLayout, hash_grid_encode

_INITIAL_RANGE = 1e-4
_DEFAULT_GROWTH = 1.38


class HashGrid(nn.Module):
    """Features of points in [0, 1]^3 from a pyramid of lattices (Müller et al. 2022).

    Args:
        finest_resolution: vertices along an axis of the last level; decides `growth` where given.
        growth: ratio of one level's resolution to that of the level before, 1.38 where neither is given.
        interpolation: "linear", or "smoothstep" for derivatives that are continuous across cells.
        seed: of the initial table, uniform in (-1e-4, 1e-4); `generator` goes before it.

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
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        if growth is not None and finest_resolution is not None:
            raise ValueError("HashGrid: give growth or finest_resolution, not both")
        if finest_resolution is not None:
            growth = (finest_resolution / base_resolution) ** (1.0 / max(levels - 1, 1))
        if interpolation not in INTERPOLATIONS:
            raise ValueError(
                f"HashGrid: interpolation must be one of {INTERPOLATIONS}, got {interpolation!r}"
            )
        growth = _DEFAULT_GROWTH if growth is None else growth
        self.layout = GridLayout(levels, features, log2_table_size, base_resolution, growth)
        self.interpolation = interpolation
        if generator is None:
            generator = torch.Generator().manual_seed(seed)
        table = torch.empty(self.layout.n_parameters, device=generator.device)
        self.table = nn.Parameter(table.uniform_(-_INITIAL_RANGE, _INITIAL_RANGE, generator=generator))

    dimensions = 3

    @property
    def levels(self) -> int:
        """Lattices of the pyramid."""
        return self.layout.levels

    @property
    def output_dim(self) -> int:
        """Features a point, levels * features."""
        return self.layout.output_dim

    @property
    def resolutions(self) -> tuple[int, ...]:
        """Vertices along an axis, per level."""
        return self.layout.resolutions

    def forward(self, points: Tensor, active_levels: int | None = None) -> Tensor:
        """Features [N, output_dim] of points [N, 3]; levels from `active_levels` on are zero."""
        return hash_grid_encode(points, self.table, self.layout, self.interpolation, active_levels)

    def extra_repr(self) -> str:
        return f"{self.layout}, interpolation={self.interpolation!r}"
