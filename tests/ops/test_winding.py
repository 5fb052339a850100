"""Sums of winding numbers: the tree against all pairs, those against what is known of spheres."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize

from neurfield.ops import WindingTree, native

needs_native = pytest.mark.skipif(native.module is None, reason="no native kernels here")
EXACT = 1e9  # no node counts as one


def cloud(count: int, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Points on a bumpy ball, their vectors, which point outwards, and numbers of either sign."""
    generator = torch.Generator().manual_seed(seed)
    normals = normalize(torch.randn(count, 3, generator=generator), dim=1)
    points = normals * (0.6 + 0.1 * torch.sin(5.0 * normals[:, :1]))
    numbers = torch.randn(count, generator=generator)
    return points, normals * (0.5 + torch.rand(count, 1, generator=generator)) / max(count, 1), numbers


def sums(
    points: Tensor, vectors: Tensor, numbers: Tensor, width: float, apart: float = 2.0
) -> dict[str, Tensor]:
    tree = WindingTree(points, apart)
    targets = torch.rand(3, 47, generator=torch.Generator().manual_seed(9)).T.to(
        points.dtype
    )  # not contiguous
    return {
        "flux": tree.flux(vectors, width=width),
        "flux elsewhere": tree.flux(vectors, targets, width),
        "adjoint": tree.adjoint(numbers, width),
        "slope": tree.slope(vectors, width),
        "slope elsewhere": tree.slope(vectors, width, targets),
    }


def difference(a: Tensor, b: Tensor) -> float:
    return float((a.double() - b).norm() / b.norm().clamp(min=1e-12))


@needs_native
@pytest.mark.parametrize("count", [1, 2, 31, 32, 33, 65, 1000])
@pytest.mark.parametrize("width", [0.0, 0.05])
def test_the_tree_adds_up_all_pairs_where_no_node_counts_as_one(count: int, width: float) -> None:
    given = cloud(count)
    exact = sums(*(t.double() for t in given), width)
    for name, found in sums(*given, width, EXACT).items():
        assert found.dtype == torch.float32
        assert difference(found, exact[name]) < 1e-5, name


@needs_native
def test_nodes_that_count_as_one_cost_some_per_cent_and_less_further_off() -> None:
    given = cloud(3000)
    exact = sums(*(t.double() for t in given), 0.02)
    errors = []
    for apart in (1.5, 3.0, 6.0):
        found = sums(*given, 0.02, apart)
        errors.append([difference(found[name], exact[name]) for name in ("flux", "flux elsewhere", "slope")])
    assert max(errors[1]) < 0.02
    assert all(near > far for near, far in zip(errors[0], errors[2]))


@needs_native
def test_any_number_of_threads_gives_the_same_bits() -> None:
    given = cloud(2000)
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        one = sums(*given, 0.02)
        torch.set_num_threads(3)
        three = sums(*given, 0.02)
    finally:
        torch.set_num_threads(threads)
    assert all(torch.equal(one[name], three[name]) for name in one)


def test_the_adjoint_is_the_transpose_of_the_flux() -> None:
    points, vectors, numbers = (t.double() for t in cloud(200))
    tree = WindingTree(points)
    left = (tree.flux(vectors, width=0.1) * numbers).sum()
    right = (tree.adjoint(numbers, 0.1) * vectors).sum()
    assert left.item() == pytest.approx(right.item(), rel=1e-10)


def test_the_slope_is_minus_the_gradient_of_the_flux() -> None:
    points, vectors, _ = (t.double() for t in cloud(50))
    tree = WindingTree(points)
    targets = points.clone().requires_grad_()
    r = targets[:, None] - points
    apart = ~torch.eye(50, dtype=torch.bool)
    flux = -((r * vectors).sum(2)[apart] / r[apart].norm(dim=1) ** 3).sum()
    (gradient,) = torch.autograd.grad(flux, targets)
    assert torch.allclose(tree.slope(vectors), -gradient, rtol=1e-9)


def test_a_sphere_winds_once_around_what_is_inside() -> None:
    normals = cloud(20000)[0]
    normals = normalize(normals, dim=1)
    tree = WindingTree(normals)
    places = torch.tensor([[0.0, 0.0, 0.0], [0.3, -0.2, 0.4], [0.0, 1.5, 0.0], [9.0, 9.0, 9.0]])
    winding = tree.flux(normals * (4 * math.pi / 20000), places) / (4 * math.pi)
    assert torch.allclose(winding, torch.tensor([1.0, 1.0, 0.0, 0.0]), atol=0.03)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_points_on_each_other_count_for_nothing(count: int) -> None:
    points = torch.full((count, 3), 0.25)
    tree = WindingTree(points)
    assert tree.flux(torch.ones(count, 3)).tolist() == [0.0] * count
    assert tree.slope(torch.ones(count, 3)).tolist() == [[0.0] * 3] * count
    assert tree.adjoint(torch.ones(count)).tolist() == [[0.0] * 3] * count
    assert tree.flux(torch.ones(count, 3), torch.empty(0, 3)).tolist() == []


def test_what_does_not_fit_is_told() -> None:
    tree = WindingTree(torch.rand(4, 3))
    with pytest.raises(ValueError, match=r"\[4, 3\], got torch.float32 \[5, 3\]"):
        tree.flux(torch.rand(5, 3))
    with pytest.raises(ValueError, match="float64"):
        tree.slope(torch.rand(4, 3).double())
    with pytest.raises(ValueError, match="targets"):
        tree.flux(torch.rand(4, 3), torch.rand(2, 2))
    with pytest.raises(ValueError, match="finite"):
        WindingTree(torch.tensor([[0.0, float("nan"), 0.0]]))
