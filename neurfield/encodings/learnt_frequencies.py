"""Waves whose lengths are learnt with all else: the positional encoding of OReX."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from neurfield.encodings.encoding import Encoding


class LearntFrequencies(Encoding):
    """The point, cosines c_k x of each of its axes, and sines s_k x, with c and s learnt (no pi in them).

    Both begin as 1, 2, 4, ... (Sawdayee et al., OReX, CVPR 2023, and its code). Points may lie anywhere.

    Raises:
        ValueError: bands is less than 1, dimensions not 2 to 4.

    Example:
        >>> LearntFrequencies(3, 5)(torch.zeros(2, 3)).shape
        torch.Size([2, 33])
    """

    def __init__(self, dimensions: int = 3, bands: int = 5) -> None:
        super().__init__()
        if dimensions not in (2, 3, 4):
            raise ValueError(f"LearntFrequencies: dimensions must be 2, 3 or 4, got {dimensions}")
        if bands < 1:
            raise ValueError(f"LearntFrequencies: bands must be at least 1, got {bands}")
        self.dimensions, self.bands = dimensions, bands
        self.output_dim = dimensions * (1 + 2 * bands)
        octaves = 2.0 ** torch.arange(bands)
        self.cosines, self.sines = nn.Parameter(octaves.clone()), nn.Parameter(octaves.clone())

    def forward(self, points: Tensor, active_levels: int | None = None) -> Tensor:
        """[N, dimensions * (1 + 2 * bands)] of [N, dimensions]; zeros where no level is active."""
        self._check(points)
        waves = [(points[:, :, None] * rate).flatten(1) for rate in (self.cosines, self.sines)]
        features = torch.cat([points, waves[0].cos(), waves[1].sin()], dim=1)
        return features if active_levels is None or active_levels > 0 else 0.0 * features

    def extra_repr(self) -> str:
        return f"dimensions={self.dimensions}, bands={self.bands}"
