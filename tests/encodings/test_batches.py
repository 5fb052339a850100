"""Encodings take points of any batch shape, as fields do, whichever kernels serve."""

from __future__ import annotations

import copy

import pytest
import torch

from neurfield.encodings import (
    Concatenation,
    Encoding,
    Frequency,
    HashGrid,
    Identity,
    OneBlob,
    RadialBasis,
    SimplexGrid,
    SphericalHarmonics,
    TriPlane,
)
from neurfield.ops import native

GRID = {"levels": 3, "log2_table_size": 8, "base_resolution": 4, "interpolation": "smoothstep"}
EVERY: list[Encoding] = [
    HashGrid(**GRID), SimplexGrid(**GRID), TriPlane(resolutions=(4, 8), features=4), Frequency(bands=3),
    RadialBasis(count=20, dimensions=3, features=4, highest=8.0), OneBlob(bins=4), Identity(),
    SphericalHarmonics(3), Concatenation(Identity(), HashGrid(**GRID)),
]  # fmt: skip


def derivatives(encoding: Encoding, points: torch.Tensor) -> list[torch.Tensor]:
    """Features, their derivative by the points, and the derivative of its square."""
    points = points.detach().requires_grad_()
    features = encoding(points)
    weights = torch.linspace(-1.0, 1.0, features.shape[-1]).to(features)
    (slope,) = torch.autograd.grad((features * weights).sum(), points, create_graph=True)
    if not slope.requires_grad:
        return [features, slope]
    (bend,) = torch.autograd.grad(slope.square().sum(), points, materialize_grads=True)
    return [features, slope, bend]


@pytest.mark.parametrize("with_kernels", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("encoding", EVERY, ids=lambda e: type(e).__name__)
def test_a_batch_is_its_points_in_a_row(
    encoding: Encoding, dtype: torch.dtype, with_kernels: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not with_kernels:
        monkeypatch.setattr(native, "module", None)
    elif native.module is None:
        pytest.skip("no native kernels here")
    encoding = copy.deepcopy(encoding).to(dtype)
    batch = (0.1 + 0.8 * torch.rand(4, 3, 5, 3, dtype=dtype)).transpose(0, 1)  # not contiguous
    flat = derivatives(encoding, batch.reshape(-1, 3))
    shaped = derivatives(encoding, batch)
    assert shaped[0].shape == (3, 4, 5, encoding.output_dim) and len(shaped) == len(flat)
    for one, other in zip(shaped, flat, strict=True):
        assert torch.equal(one.reshape(other.shape), other)


@pytest.mark.parametrize("encoding", EVERY, ids=lambda e: type(e).__name__)
def test_one_point_and_none(encoding: Encoding) -> None:
    assert encoding(torch.full((3,), 0.3)).shape == (encoding.output_dim,)
    assert encoding(torch.rand(2, 0, 3)).shape == (2, 0, encoding.output_dim)
    assert torch.equal(encoding(torch.full((1, 1, 3), 0.3), 0), torch.zeros(1, 1, encoding.output_dim))
    with pytest.raises(ValueError, match=r"points must be \[\.\.\., 3\], got \[2, 2, 4\]"):
        encoding(torch.rand(2, 2, 4))


def test_another_type_is_answered_with_the_cure() -> None:
    with pytest.raises(ValueError, match=r"got torch\.float64: convert them, \.to\(torch\.float32\)"):
        HashGrid(**GRID)(torch.rand(5, 3).double())
    with pytest.raises(ValueError, match=r"got torch\.float64: convert them, \.to\(torch\.float32\)"):
        HashGrid(**GRID)(torch.rand(2, 5, 3).double())
    with pytest.raises(ValueError, match=r"\.to\(torch\.float32\)"):
        Identity()(torch.ones(5, 3, dtype=torch.int64))
