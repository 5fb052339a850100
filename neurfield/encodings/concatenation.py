"""Several encodings of the same points, side by side."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

import torch
from torch import Tensor, nn

from neurfield.encodings.encoding import Encoding


class Concatenation(Encoding):
    """The features of all its encodings, in the order given.

    What becomes of points outside [0, 1] each encoding decides for itself. Coarse to fine all go together,
    each to its own last level: `levels` is the largest of theirs.

    Args:
        encodings: one or more, or lists of them.

    Raises:
        ValueError: there are none, or their dimensions differ.
    """

    def __init__(self, *encodings: Encoding | Iterable[Encoding]) -> None:
        super().__init__()
        each = [[one] if isinstance(one, Encoding) else list(one) for one in encodings]
        parts = [part for several in each for part in several]
        if not parts:
            raise ValueError("Concatenation: encodings must be one or more, got none")
        if len({encoding.dimensions for encoding in parts}) > 1:
            kinds = ", ".join(f"{type(e).__name__} of {e.dimensions}" for e in parts)
            raise ValueError(f"Concatenation: encodings must have the same dimensions, got {kinds}")
        self.encodings = nn.ModuleList(parts)
        self.dimensions = parts[0].dimensions
        self.output_dim = sum(encoding.output_dim for encoding in parts)
        self.levels = max(encoding.levels for encoding in parts)

    def forward(self, points: Tensor, active_levels: int | None = None) -> Tensor:
        """Features [N, output_dim] of points [N, dimensions]."""
        self._check(points)
        features = []
        for module in self.encodings:
            encoding = cast(Encoding, module)
            active = None if active_levels is None else min(active_levels, encoding.levels)
            features.append(encoding(points, active))
        return torch.cat(features, dim=1)
