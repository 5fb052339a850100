"""The lookup of the nearest centres, against SciPy's k-d tree."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.spatial import cKDTree
from torch import Tensor

from neurfield.ops import native
from neurfield.ops.kernel_lookup import KernelLookup
from neurfield.ops.reference import radial_basis as reference


def uniform(count: int, d: int, seed: int = 0) -> Tensor:
    return torch.rand(count, d, generator=torch.Generator().manual_seed(seed))


def crowded(count: int, d: int) -> Tensor:
    """Most of them in one corner, some in one place, some on a line."""
    centres = uniform(count, d, 3) ** 6
    centres[: count // 10] = 0.25
    centres[count // 10 : count // 5, 1:] = 0.5
    return centres


def assert_nearest(found: Tensor, points: Tensor, centres: Tensor) -> None:
    """Distinct centres, nearest first, at the distances that SciPy finds."""
    count = found.shape[1]
    expected, _ = cKDTree(centres.double().numpy()).query(points.double().numpy(), k=range(1, count + 1))
    distances = (points[:, None].double() - centres[found.long()].double()).norm(dim=2)
    torch.testing.assert_close(distances, torch.from_numpy(np.asarray(expected)), rtol=1e-6, atol=1e-9)
    ordered = found.sort(dim=1).values
    assert (ordered[:, 1:] > ordered[:, :-1]).all()


@pytest.mark.parametrize("d", [2, 3, 4])
@pytest.mark.parametrize("place", [uniform, crowded])
@pytest.mark.parametrize("count", [1, 4, 8])
@pytest.mark.parametrize("points", [0, 1, 16, 1003])
def test_finds_the_nearest_inside_and_far_outside(d: int, place: object, count: int, points: int) -> None:
    centres = place(5000, d)  # type: ignore[operator]
    lookup = KernelLookup(centres)
    for x in (uniform(points, d, 1), 40.0 * uniform(points, d, 2) - 20.0, uniform(points, d, 5) ** 6):
        assert_nearest(lookup.nearest(x, count), x, centres)


@pytest.mark.parametrize("kernels", [8, 9, 16, 17, 255, 257, 4097])
def test_any_number_of_centres(kernels: int) -> None:
    centres, points = uniform(kernels, 3), uniform(500, 3, 1)
    assert_nearest(KernelLookup(centres).nearest(points, 8), points, centres)


def test_float64_goes_by_scipy_and_the_reference_agrees() -> None:
    centres, points = uniform(300, 2).double(), uniform(200, 2, 1).double()
    found = KernelLookup(centres).nearest(points, 5)
    assert found.dtype == torch.int32
    assert torch.equal(found, reference.nearest(points, centres, 5))


@pytest.mark.skipif(native.module is None, reason="no native kernels here")
class TestNative:
    def test_order_and_company_of_points_leave_no_trace(self) -> None:
        # On a lattice, whose points are as near to several centres.
        axis = torch.arange(40.0) / 40.0
        centres = torch.cartesian_prod(axis, axis)
        points = torch.cartesian_prod(axis, axis) + 0.0125
        lookup = KernelLookup(centres)
        found = lookup.nearest(points, 3)
        shuffled = torch.randperm(len(points), generator=torch.Generator().manual_seed(0))
        assert torch.equal(found[shuffled], lookup.nearest(points[shuffled], 3))
        alone = torch.cat([lookup.nearest(point[None], 3) for point in points[::37]])
        assert torch.equal(found[::37], alone)

    def test_threads_leave_no_trace(self) -> None:
        lookup, points, threads = (
            KernelLookup(crowded(3000, 2)),
            uniform(20000, 2, 1),
            torch.get_num_threads(),
        )
        try:
            torch.set_num_threads(1)
            one = lookup.nearest(points, 4)
            torch.set_num_threads(3)
            assert torch.equal(one, lookup.nearest(points, 4))
        finally:
            torch.set_num_threads(threads)

    def test_survives_points_that_are_no_numbers(self) -> None:
        points = torch.tensor([[float("nan"), 0.5], [float("inf"), 0.5], [1e30, -1e30], [0.5, 0.5]])
        centres = uniform(1000, 2)
        found = KernelLookup(centres).nearest(points, 4)
        assert (found >= 0).all() and (found < 1000).all()
        assert_nearest(found[3:], points[3:], centres)

    @pytest.mark.parametrize("d", [2, 3, 4])
    @pytest.mark.parametrize("kernels", [8, 300, 5000])  # of 300 and 5000 the last node has empty places
    @pytest.mark.parametrize("share", [0.03, 0.5, 1.0])
    def test_points_that_are_nowhere_find_no_centre(self, d: int, kernels: int, share: float) -> None:
        random = torch.Generator().manual_seed(0)
        points, centres = uniform(2000, d, 1), uniform(kernels, d)
        wrong = torch.rand(2000, generator=random) < share
        values = torch.tensor([float("nan"), float("inf"), -float("inf")])
        odd = values[torch.randint(3, (2000, d), generator=random)]
        whole = torch.rand(2000, 1, generator=random) < 0.7  # all of its coordinates, or some of them
        some = torch.rand(2000, d, generator=random) < 0.5
        some[:, 0] = True
        points = torch.where(wrong[:, None] & (whole | some), odd, points)
        found = KernelLookup(centres).nearest(points, 4)
        assert (found[wrong] == 0).all()
        if share < 1.0:
            assert_nearest(found[~wrong], points[~wrong], centres)

    def test_takes_points_that_are_not_contiguous(self) -> None:
        lookup, wide = KernelLookup(uniform(100, 2)), uniform(50, 4, 1)
        assert torch.equal(lookup.nearest(wide[:, ::2], 4), lookup.nearest(wide[:, ::2].contiguous(), 4))


def test_says_what_is_wrong() -> None:
    for centres in (
        torch.zeros(0, 2),
        torch.zeros(5, 1),
        torch.zeros(5, 5),
        torch.full((3, 2), float("nan")),
    ):
        with pytest.raises(ValueError, match="KernelLookup: centres"):
            KernelLookup(centres)
    lookup = KernelLookup(uniform(5, 2))
    for count in (0, 6, 9):
        with pytest.raises(ValueError, match="count must be 1 to 5"):
            lookup.nearest(uniform(3, 2), count)
    with pytest.raises(ValueError, match=r"points must be \[N, 2\]"):
        lookup.nearest(uniform(3, 3), 2)
