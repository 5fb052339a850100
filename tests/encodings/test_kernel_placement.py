"""Where kernels go, and how wide they are."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from neurfield.encodings import kernel_placement
from neurfield.encodings.kernel_placement import (
    distance_field_samples,
    image_samples,
    place_kernels,
    radiance_samples,
    spread_kernels,
)
from neurfield.ops.kernel_lookup import KernelLookup
from neurfield.ops.radial_basis import KERNELS
from neurfield.ops.reference.radial_basis import responses


def uniform(count: int, d: int, seed: int = 0) -> Tensor:
    return torch.rand(count, d, generator=torch.Generator().manual_seed(seed))


def distortion(points: Tensor, weights: Tensor, centres: Tensor) -> float:
    near = KernelLookup(centres).nearest(points, 1)[:, 0].long()
    return float((weights * (points - centres[near]).square().sum(1)).sum())


def test_kernels_gather_where_the_weight_is() -> None:
    points = uniform(20000, 2)
    weights = torch.where(points[:, 0] < 0.2, 20.0, 1.0)
    centres, _ = place_kernels(points, weights, 400)
    assert 0.5 < float((centres[:, 0] < 0.2).float().mean()) < 0.9  # in 2-D k-means spreads as weight^(1/2)
    assert not torch.equal(centres, place_kernels(points, weights, 400, seed=1)[0])
    assert torch.equal(centres, place_kernels(points, weights, 400)[0])


def test_k_means_is_better_than_its_start() -> None:
    points, weights = uniform(5000, 3), uniform(5000, 1, 2)[:, 0]
    centres, _ = place_kernels(points, weights, 100)
    drawn = points[torch.multinomial(weights, 100, generator=torch.Generator().manual_seed(0))]
    assert distortion(points, weights, centres) < 0.75 * distortion(points, weights, drawn)


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_kernel_is_a_half_at_its_clusters_width(kernel: str) -> None:
    # One cluster, elongated along a diagonal: standard deviations 0.03 and 0.01 of a normal distribution. Two
    # points of next to no weight say that the whole picture is wider.
    along = torch.randn(100000, 2, generator=torch.Generator().manual_seed(0)) * torch.tensor([0.03, 0.01])
    turn = torch.tensor([[1.0, 1.0], [-1.0, 1.0]]) / math.sqrt(2.0)
    points = torch.cat([along @ turn + 0.5, torch.tensor([[0.0, 0.0], [1.0, 1.0]])])
    weights = torch.cat([torch.ones(100000), torch.full((2,), 1e-6)])
    centres, shapes = place_kernels(points, weights, 1, kernel=kernel)
    torch.testing.assert_close(centres, torch.full((1, 2), 0.5), atol=1e-3, rtol=0.0)
    if kernel == "tent":
        return  # a half along the axes of its own factor only
    for axis, deviation in enumerate((0.03, 0.01)):
        point = centres + math.sqrt(2.0) * deviation * turn[axis]
        value = responses(point, centres[:, None], shapes[:, None], kernel)
        torch.testing.assert_close(value, torch.full((1, 1), 0.5), atol=0.02, rtol=0.0)


@pytest.mark.parametrize("d", [2, 3, 4])
def test_lonely_points_get_kernels_that_are_not_needles(d: int) -> None:
    points = uniform(50, d)
    centres, shapes = place_kernels(points, torch.ones(50), 50)
    assert centres.shape == (50, d) and shapes.shape == (50, d * (d + 1) // 2)
    assert shapes.isfinite().all()
    diagonal = shapes[:, [i * d - i * (i - 1) // 2 for i in range(d)]]
    assert (diagonal > 0.0).all() and diagonal.max() < 1000.0 * 50 ** (1.0 / d)


def test_many_points_are_thinned_by_weight(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel_placement, "_LLOYD_POINTS", 4000)
    points = uniform(50000, 2)
    weights = torch.where(points[:, 0] < 0.5, 1.0, 0.0)
    centres, _ = place_kernels(points, weights, 200)
    assert (centres[:, 0] < 0.5).all()


def test_an_image_s_edges_draw_kernels() -> None:
    image = torch.zeros(60, 80, 3)
    image[:, 40:] = 1.0
    points, weights = image_samples(image)
    assert points.shape == (4800, 2) and weights.shape == (4800,)
    torch.testing.assert_close(points[81], torch.tensor([1.5 / 80, 1.5 / 60]))
    grid = weights.reshape(60, 80)
    assert grid[:, 39:41].min() > 20.0 * grid[:, :35].max() and grid.min() > 0.0
    centres, _ = place_kernels(points, weights, 60)
    assert ((centres[:, 0] - 0.5).abs() < 0.05).sum() > 20
    flat = image_samples(torch.full((5, 7), 0.5))[1]
    assert (flat == flat[0]).all() and flat[0] > 0.0


def test_weights_of_distances_and_radiance() -> None:
    points = uniform(3, 3)
    _, weights = distance_field_samples(points, torch.tensor([0.0, -0.1, 0.5]), epsilon=0.1)
    torch.testing.assert_close(weights, torch.tensor([10.0, 5.0, 1.0 / 0.6]))
    _, weights = radiance_samples(points, torch.tensor([0.0, 0.5, 1.0]), torch.full((3, 2, 2), 2.0))
    torch.testing.assert_close(weights, torch.tensor([0.0, 2.0, 4.0]))


@pytest.mark.parametrize("d", [2, 3, 4])
def test_spread_kernels_are_evenly_spread(d: int) -> None:
    centres, shapes = spread_kernels(2000, d)
    assert centres.shape == (2000, d) and shapes.shape == (2000, d * (d + 1) // 2)
    nearest = KernelLookup(centres).nearest(centres, 2)[:, 1].long()
    spacing = 2000 ** (-1.0 / d)
    assert (centres - centres[nearest]).norm(dim=1).min() > 0.2 * spacing
    assert not torch.equal(centres, spread_kernels(2000, d, seed=1)[0])


@pytest.mark.parametrize(
    ("points", "weights", "count", "name"),
    [
        (torch.zeros(5), torch.ones(5), 2, "points"),
        (torch.zeros(5, 2), torch.ones(4), 2, "weights"),
        (torch.zeros(5, 2), -torch.ones(5), 2, "weights"),
        (torch.zeros(5, 2), torch.tensor([1.0, float("nan"), 1.0, 1.0, 1.0]), 2, "weights"),
        (torch.zeros(5, 2), torch.ones(5), 6, "count"),
        (torch.zeros(5, 2), torch.zeros(5), 1, "count"),
    ],
)
def test_says_what_is_wrong(points: Tensor, weights: Tensor, count: int, name: str) -> None:
    with pytest.raises(ValueError, match=f"place_kernels: {name} must be"):
        place_kernels(points, weights, count)
