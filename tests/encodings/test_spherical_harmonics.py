"""Spherical harmonics: orthonormal, and with tiny-cuda-nn's order and signs."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from neurfield.encodings import SphericalHarmonics, spherical_harmonics


def sphere(count: int = 40) -> tuple[Tensor, Tensor]:
    """Directions and quadrature weights, exact for the products of harmonics below degree 5."""
    nodes = torch.linspace(0.0, 1.0, count + 1, dtype=torch.float64)
    z = (nodes[1:] + nodes[:-1]) - 1.0
    # Gauss-Legendre in z from the eigenvalues of the Jacobi matrix, uniform in the angle.
    k = torch.arange(1, count, dtype=torch.float64)
    off = k / torch.sqrt(4.0 * k * k - 1.0)
    z, vectors = torch.linalg.eigh(torch.diag(off, 1) + torch.diag(off, -1))
    weights = 2.0 * vectors[0] ** 2
    angle = 2.0 * math.pi * torch.arange(count, dtype=torch.float64) / count
    radius = torch.sqrt(1.0 - z * z)
    x, y = radius[:, None] * angle.cos(), radius[:, None] * angle.sin()
    directions = torch.stack([x, y, z[:, None].expand_as(x)], dim=-1).reshape(-1, 3)
    return directions, (weights[:, None] * 2.0 * math.pi / count).expand_as(x).reshape(-1)


def test_orthonormal() -> None:
    directions, weights = sphere()
    values = spherical_harmonics(directions, 4)
    gram = values.T @ (weights[:, None] * values)
    torch.testing.assert_close(gram, torch.eye(16, dtype=torch.float64), atol=1e-7, rtol=0.0)


def test_order_and_signs() -> None:
    x, y, z = torch.eye(3)
    constant, first = math.sqrt(1.0 / (4.0 * math.pi)), math.sqrt(3.0 / (4.0 * math.pi))
    for direction, expected in ((x, [0, 0, -first]), (y, [-first, 0, 0]), (z, [0, first, 0])):
        torch.testing.assert_close(spherical_harmonics(direction, 2), torch.tensor([constant, *expected]))
    diagonal = (x + y) / math.sqrt(2.0)
    assert spherical_harmonics(diagonal, 3)[4] > 0 > spherical_harmonics((y + z) / math.sqrt(2.0), 3)[5]


@pytest.mark.parametrize("degree", [1, 2, 3, 4])
def test_a_lower_degree_is_a_prefix(degree: int) -> None:
    directions = torch.nn.functional.normalize(torch.randn(10, 3), dim=-1)
    encoding = SphericalHarmonics(degree)
    values = encoding(directions)
    assert values.shape == (10, encoding.output_dim)
    torch.testing.assert_close(spherical_harmonics(directions.view(5, 2, 3), degree).view(10, -1), values)
    torch.testing.assert_close(values, spherical_harmonics(directions, 4)[..., : degree**2])


def test_refuses_degrees_it_lacks() -> None:
    for make in (lambda: SphericalHarmonics(5), lambda: spherical_harmonics(torch.ones(1, 3), 0)):
        with pytest.raises(ValueError, match="degree"):
            make()
