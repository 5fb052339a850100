"""Several encodings of the same points, side by side."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from neurfield.encodings.encoding import Encoding


class Concatenation(Encoding):
    """The features of all its encodings, in the order given.

    What becomes of points outside [0, 1] each encoding decides for itself. Coarse to fine all go together,
    each to its own last level: `levels` is the largest of theirs.

    Raises:
        ValueError: there are none, or their dimensions differ.
    """

    def __init__(self, *encodings: Encoding) -> None:
        super().__init__()
        if not encodings:
            raise ValueError("Concatenation: encodings must be one or more, got none")
        if len({encoding.dimensions for encoding in encodings}) > 1:
            kinds = ", ".join(f"{type(e).__name__} of {e.dimensions}" for e in encodings)
            raise ValueError(f"Concatenation: encodings must have the same dimensions, got {kinds}")
        self.encodings = nn.ModuleList(encodings)
        self.dimensions = encodings[0].dimensions
        self.output_dim = sum(encoding.output_dim for encoding in encodings)
        self.levels = max(encoding.levels for encoding in encodings)

    def forward(self, points: Tensor, active_levels: int | None = None) -> Tensor:
        """Features [N, output_dim] of points [N, dimensions]."""
        self._check(points)
        features = []
        for module in self.encodings:
            encoding = cast(Encoding, module)
            active = None if active_levels is None else min(active_levels, encoding.levels)
            features.append(encoding(points, active))
        return torch.cat(features, dim=1)
