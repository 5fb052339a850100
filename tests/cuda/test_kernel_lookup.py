"""The lookup of the nearest centres, against all distances."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from neurfield.ops.kernel_lookup import KernelLookup


def uniform(count: int, d: int, seed: int = 0) -> Tensor:
    return torch.rand(count, d, generator=torch.Generator().manual_seed(seed))


def crowded(count: int, d: int) -> Tensor:
    """Most of them in one corner, some in one place, some on a line."""
    centres = uniform(count, d, 3) ** 6
    centres[: count // 10] = 0.25
    centres[count // 10 : count // 5, 1:] = 0.5
    return centres


def assert_nearest(found: Tensor, points: Tensor, centres: Tensor) -> None:
    """Distinct centres, nearest first, at the least distances; ties may be resolved in any way."""
    assert found.dtype == torch.int32
    exact = torch.cdist(points.double(), centres.double(), compute_mode="donot_use_mm_for_euclid_dist")
    wanted = exact.topk(found.shape[1], largest=False).values
    torch.testing.assert_close(exact.gather(1, found.cpu().long()), wanted, rtol=1e-6, atol=1e-9)
    ordered = found.sort(dim=1).values
    assert (ordered[:, 1:] > ordered[:, :-1]).all()


@pytest.mark.parametrize("d", [2, 3, 4])
@pytest.mark.parametrize("place", [uniform, crowded])
@pytest.mark.parametrize(("count", "points"), [(1, 1), (4, 0), (4, 151), (8, 90)])
def test_finds_the_nearest_inside_and_far_outside(
    device: torch.device, d: int, place: Callable[[int, int], Tensor], count: int, points: int
) -> None:
    centres = place(3000, d)
    lookup = KernelLookup(centres.to(device))
    for x in (uniform(points, d, 1), 40.0 * uniform(points, d, 2) - 20.0, uniform(points, d, 5) ** 6):
        assert_nearest(lookup.nearest(x.to(device), count), x, centres)


@pytest.mark.parametrize("kernels", [1, 2, 8, 15, 16, 17, 255, 256, 257, 4096, 4097])
def test_any_number_of_centres(device: torch.device, kernels: int) -> None:
    centres, points = uniform(kernels, 3), uniform(60, 3, 1)
    found = KernelLookup(centres.to(device)).nearest(points.to(device), min(8, kernels))
    assert_nearest(found, points, centres)


@pytest.mark.parametrize("kernels", [8, 300])  # of the latter the last node has empty places
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_point_that_is_nowhere_finds_no_centre(device: torch.device, kernels: int, value: float) -> None:
    centres, points = uniform(kernels, 3), uniform(60, 3, 1)
    spoilt = points.clone()
    spoilt[::3] = value
    spoilt[1::3, 0] = value
    found = KernelLookup(centres.to(device)).nearest(spoilt.to(device), 4).cpu()
    assert (found[::3] == 0).all() and (found[1::3] == 0).all()
    assert_nearest(found[2::3], points[2::3], centres)


def test_of_two_as_near_the_lower_number_comes_first(device: torch.device) -> None:
    centres = uniform(40, 2)[torch.arange(400) % 40]
    points = centres[:40] + 1e-3
    found = KernelLookup(centres.to(device)).nearest(points.to(device), 8).cpu()
    assert torch.equal(found, torch.arange(40, dtype=torch.int32)[:, None] + 40 * torch.arange(8).int())


def test_company_of_points_leaves_no_trace(device: torch.device) -> None:
    axis = torch.arange(12.0) / 12.0
    centres = torch.cartesian_prod(axis, axis)
    points = (centres + 0.5 / 12.0).to(device)  # as near to several centres
    lookup = KernelLookup(centres.to(device))
    found = lookup.nearest(points, 3)
    shuffled = torch.randperm(len(points), generator=torch.Generator().manual_seed(0)).to(device)
    assert torch.equal(found[shuffled], lookup.nearest(points[shuffled], 3))
    alone = torch.cat([lookup.nearest(point[None], 3) for point in points[::17]])
    assert torch.equal(found[::17], alone)


@pytest.mark.parametrize("kernels", [10, 1000])
def test_survives_points_that_are_no_numbers(device: torch.device, kernels: int) -> None:
    strange = [[float("nan"), 0.5], [0.5, float("inf")], [-float("inf"), 0.5], [1e30, -1e30]]
    points, centres = torch.tensor([*strange, [0.5, 0.5]]), uniform(kernels, 2)
    found = KernelLookup(centres.to(device)).nearest(points.to(device), 4)
    assert (found >= 0).all() and (found < kernels).all()
    assert_nearest(found[4:], points[4:], centres)


def test_takes_points_that_are_not_contiguous(device: torch.device) -> None:
    lookup, wide = KernelLookup(uniform(100, 2).to(device)), uniform(50, 4, 1).to(device)
    assert torch.equal(lookup.nearest(wide[:, ::2], 4), lookup.nearest(wide[:, ::2].contiguous(), 4))


def test_serves_centres_until_they_change(device: torch.device) -> None:
    centres = uniform(30, 2).to(device)
    lookup = KernelLookup(centres)
    assert lookup.serves(centres) and lookup.serves(centres.clone())
    centres[3, 1] += 0.1
    assert not lookup.serves(centres)
