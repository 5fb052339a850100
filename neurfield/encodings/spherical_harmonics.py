"""Real spherical harmonics of a direction, the usual input of a view-dependent colour."""

from __future__ import annotations

import torch
from torch import Tensor, nn

MAX_DEGREE = 4


def spherical_harmonics(directions: Tensor, degree: int = 4) -> Tensor:
    """The first degree**2 real spherical harmonics of unit vectors [..., 3], as [..., degree**2].

    Order and signs are tiny-cuda-nn's (z polar, odd orders with the Condon-Shortley sign), but the input is
    the unit vector itself, not mapped to [0, 1]. Orthonormal over the sphere.

    Raises:
        ValueError: degree is not 1 to 4.
    """
    if not 1 <= degree <= MAX_DEGREE:
        raise ValueError(f"spherical_harmonics: degree must be 1 to {MAX_DEGREE}, got {degree}")
    x, y, z = directions.unbind(-1)
    values = [torch.full_like(x, 0.28209479177387814)]
    if degree > 1:
        first = 0.48860251190291987
        values += [-first * y, first * z, -first * x]
    if degree > 2:
        second = 1.0925484305920792
        values += [
            second * x * y,
            -second * y * z,
            0.94617469575755997 * z * z - 0.31539156525251999,
            -second * x * z,
            0.54627421529603959 * (x * x - y * y),
        ]
    if degree > 3:
        third = 0.59004358992664352
        inner = 0.45704579946446572
        values += [
            third * y * (y * y - 3.0 * x * x),
            2.8906114426405538 * x * y * z,
            inner * y * (1.0 - 5.0 * z * z),
            0.3731763325901154 * z * (5.0 * z * z - 3.0),
            inner * x * (1.0 - 5.0 * z * z),
            1.4453057213202769 * z * (x * x - y * y),
            third * x * (3.0 * y * y - x * x),
        ]
    return torch.stack(values, dim=-1)


class SphericalHarmonics(nn.Module):
    """`spherical_harmonics` of a fixed degree, 1 to 4."""

    def __init__(self, degree: int = 4) -> None:
        super().__init__()
        if not 1 <= degree <= MAX_DEGREE:
            raise ValueError(f"SphericalHarmonics: degree must be 1 to {MAX_DEGREE}, got {degree}")
        self.degree = degree

    @property
    def output_dim(self) -> int:
        """degree**2."""
        return self.degree**2

    def forward(self, directions: Tensor) -> Tensor:
        """[..., degree**2] of unit vectors [..., 3]."""
        return spherical_harmonics(directions, self.degree)
