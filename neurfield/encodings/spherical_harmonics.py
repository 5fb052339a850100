"""Real spherical harmonics of a direction, the usual input of a view-dependent colour."""

from __future__ import annotations

import torch
from torch import Tensor

from neurfield.encodings.encoding import Encoding
from neurfield.ops.closed_forms import MAX_DEGREE, spherical_harmonics

__all__ = ["MAX_DEGREE", "SphericalHarmonics", "spherical_harmonics"]


class SphericalHarmonics(Encoding):
    """`spherical_harmonics` of a fixed degree, 1 to 4, of unit vectors [N, 3].

    Degrees are the levels: coarse to fine is degree by degree. Vectors of another length give the same
    polynomials of their coordinates.

    Raises:
        ValueError: degree is not 1 to 4.
    """

    def __init__(self, degree: int = 4) -> None:
        super().__init__()
        if not 1 <= degree <= MAX_DEGREE:
            raise ValueError(f"SphericalHarmonics: degree must be 1 to {MAX_DEGREE}, got {degree}")
        self.dimensions = 3
        self.levels = self.degree = degree
        self.output_dim = degree**2

    def forward(self, points: Tensor, active_levels: int | None = None) -> Tensor:
        """[N, degree**2] of unit vectors [N, 3]; degrees from `active_levels` on are zero."""
        self._check(points)
        active = self.degree if active_levels is None else min(max(active_levels, 0), self.degree)
        silent = points.new_zeros(len(points), self.degree**2 - active**2)
        seen = spherical_harmonics(points, active) if active else 0.0 * points[:, :0]
        return torch.cat([seen, silent], dim=1)

    def extra_repr(self) -> str:
        return f"degree={self.degree}"
