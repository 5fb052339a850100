"""A multiresolution hash grid as a module."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from neurfield.encodings import tcnn
from neurfield.encodings.grid_encoding import GridEncoding, growth_of
from neurfield.ops.grid import GridLayout

BACKENDS = ("neurfield", "tcnn")


class HashGrid(GridEncoding):
    """Features of points in [0, 1]^dimensions from a pyramid of lattices (Müller et al. 2022).

    Args:
        levels: lattices, from coarse to fine.
        features: of a level, 1, 2 or 4.
        log2_table_size: a level has at most 2**this entries.
        base_resolution, finest_resolution: vertices along an axis of the first and of the last level; the
            latter decides `growth` where given.
        growth: ratio of one level's resolution to that of the level before, 1.38 where neither is given.
        interpolation: "linear", or "smoothstep" for derivatives that are continuous across cells.
        seed: of the initial table, uniform in (-1e-4, 1e-4).
        dimensions: 2, 3 or 4.
        backend: "neurfield", or "tcnn" for tiny-cuda-nn's kernels in float32, on a GPU alone; the table is
            the same. Fields then put an encoding and a network together instead of asking one kernel.

    Raises:
        ValueError: the levels cannot be laid out, both `growth` and `finest_resolution` are given, or the
            backend is unknown.
        UserError: tiny-cuda-nn is asked for and missing.

    Example:
        >>> encoding = HashGrid(levels=8, features=2, log2_table_size=14, finest_resolution=128)
        >>> encoding(torch.rand(5, 3)).shape
        torch.Size([5, 16])
        >>> encoding(torch.rand(5, 3), active_levels=3)[:, 6:].abs().max()  # finer levels are still zero
        tensor(0., grad_fn=<MaxBackward1>)
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
        backend: str = "neurfield",
    ) -> None:
        if backend not in BACKENDS:
            raise ValueError(f"HashGrid: backend must be one of {BACKENDS}, got {backend!r}")
        ratio = growth_of("HashGrid", levels, base_resolution, growth, finest_resolution)
        layout = GridLayout(levels, features, log2_table_size, base_resolution, ratio, dimensions)
        super().__init__(layout, interpolation, seed)
        self.backend = backend
        self._peer: tuple[Any, ...] = ()  # out of the sight of nn.Module: its parameters are our table
        if backend == "tcnn":
            peer = tcnn.grid_module(layout, interpolation)
            self.table = nn.Parameter(tcnn.hash_grid_to_tcnn(self.table, layout).to(peer.params.device))
            self._peer = (peer,)

    def forward(self, points: Tensor, active_levels: int | None = None) -> Tensor:
        """Features [N, output_dim] of points [N, dimensions]; levels from `active_levels` on are zero."""
        if not self._peer:
            return super().forward(points, active_levels)
        self._check(points)
        (peer,) = self._peer
        if peer.params is not self.table:  # moved or loaded since
            peer.params = self.table
        features = peer(points)
        if active_levels is None or active_levels >= self.levels:
            return features
        known = features[:, : active_levels * self.layout.features]
        return nn.functional.pad(known, (0, self.output_dim - known.shape[1]))
