"""Blended support: nobody who counts is left out, and so value and gradient are continuous."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from neurfield.encodings.kernel_support import support_radii
from neurfield.ops import native
from neurfield.ops.radial_basis import radial_basis_encode
from neurfield.ops.reference import radial_basis as reference


def scattered(count: int, d: int, power: float = 1.0) -> Tensor:
    generator = torch.Generator().manual_seed(d)
    return torch.rand(count, d, generator=generator, dtype=torch.float64) ** power


@pytest.mark.parametrize("path", ["native", "python"])
@pytest.mark.parametrize("power", [1.0, 4.0])
@pytest.mark.parametrize(("d", "neighbours"), [(2, 1), (2, 4), (2, 8), (3, 5), (3, 8), (4, 8)])
def test_whoever_counts_is_among_the_nearest(
    d: int, neighbours: int, power: float, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if path == "python":
        monkeypatch.setattr(native, "module", None)
    centres = scattered(400, d, power)
    radii = support_radii(centres, neighbours)
    points = torch.cat([scattered(4000, d + 9)[:, :d], 2.0 * scattered(4000, d + 7)[:, :d] ** power - 0.5])
    distance = torch.cdist(points, centres)
    counts = distance < radii
    assert counts.any(1).float().mean() > 0.05
    rank = distance.argsort(1).argsort(1)
    assert (rank[counts] < neighbours).all()


@pytest.mark.skipif(native.module is None, reason="no native kernels here")
@pytest.mark.parametrize(("d", "neighbours"), [(2, 4), (3, 8)])
def test_radii_are_nearly_as_large_as_may_be(d: int, neighbours: int) -> None:
    centres = scattered(300, d)
    inner = ((centres > 0.3) & (centres < 0.7)).all(1).nonzero()[:10, 0]
    radii = support_radii(centres, neighbours)
    directions = torch.nn.functional.normalize(
        torch.randn(20000, d, dtype=torch.float64, generator=torch.Generator().manual_seed(0)), dim=1
    )
    for kernel in inner.tolist():
        points = centres[kernel] + 1.15 * radii[kernel] * directions
        distance = torch.cdist(points, centres)
        nearer = (distance < distance[:, kernel : kernel + 1]).sum(1)
        assert nearer.max() >= neighbours


def test_few_and_coinciding_kernels() -> None:
    assert support_radii(torch.zeros(1, 2), 1).tolist() == [1.0]
    three = scattered(3, 2)
    assert (support_radii(three, 3) > torch.cdist(three, three).max(1).values).all()
    same = torch.cat([torch.full((6, 2), 0.5, dtype=torch.float64), scattered(50, 2)])
    radii = support_radii(same, 4)
    assert radii.isfinite().all() and (radii[:6] < 1e-6).all() and (radii > 0.0).all()


@pytest.mark.parametrize(("d", "neighbours"), [(2, 4), (2, 8), (3, 6)])
@pytest.mark.parametrize("normalise", [True, False])
def test_value_and_gradient_are_continuous_where_neighbours_change(
    d: int, neighbours: int, normalise: bool
) -> None:
    """Along lines, wherever the set of nearest changes: limits from both sides, with and without blending."""
    centres = scattered(300, d)
    shapes = torch.zeros(300, d * (d + 1) // 2, dtype=torch.float64)
    shapes[:, [0, d] if d == 2 else [0, 3, 5]] = 0.7 * 300.0 ** (1.0 / d)
    features = torch.randn(300, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    frequencies = torch.tensor([0.5, 2.0, 8.0], dtype=torch.float64)
    ends = scattered(60, d + 5)[:, :d].reshape(2, 30, d)
    below, above = _changes(ends[0], ends[1], centres, neighbours)
    assert len(below) > 100

    def jump(support: Tensor | None) -> tuple[float, float, float]:
        sides = []
        for points in (below, above):
            points = points.clone().requires_grad_()
            values = radial_basis_encode(
                points,
                centres,
                shapes,
                features,
                None,
                frequencies,
                neighbours,
                normalise=normalise,
                support=support,
            )
            sides.append((values.detach(), torch.autograd.grad(values.sum(), points)[0]))
        (low, low_slope), (high, high_slope) = sides
        size = float(low_slope.norm(dim=1).mean())
        return float((low - high).abs().max()), float((low_slope - high_slope).norm(dim=1).max()), size

    value, slope, size = jump(support_radii(centres, neighbours))
    assert value < 1e-6 and slope < 1e-4 * size
    value, slope, size = jump(None)
    assert value > 1e-2 and slope > 1e-1 * size


def _changes(start: Tensor, end: Tensor, centres: Tensor, neighbours: int) -> tuple[Tensor, Tensor]:
    """Pairs of points, 1e-9 apart or so, between which the set of the nearest changes."""
    steps = torch.linspace(0.0, 1.0, 200, dtype=torch.float64)[:, None, None]

    def nearest(points: Tensor) -> Tensor:
        return reference.nearest(points, centres, neighbours).sort(1).values

    along = (start + steps * (end - start)).reshape(-1, start.shape[1])
    sets = nearest(along).reshape(200, len(start), neighbours)
    step, line = (sets[1:] != sets[:-1]).any(2).nonzero(as_tuple=True)
    grid = along.reshape(200, len(start), -1)
    low, high = grid[step, line], grid[step + 1, line]
    first = nearest(low)
    for _ in range(30):
        middle = 0.5 * (low + high)
        same = (nearest(middle) == first).all(1, keepdim=True)
        low, high = torch.where(same, middle, low), torch.where(same, high, middle)
    return low, high
