"""The hand-written derivatives of grid -> network against torch's own, in float64 and natively in float32."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from torch import Tensor

from neurfield.ops.grid import GridLayout
from neurfield.ops.reference import grid as reference
from neurfield.ops.sdf_query import sdf_query, sdf_values

LAYOUT = GridLayout(levels=5, features=2, log2_table_size=10, base_resolution=4, growth=1.6)
BETA = 20.0


def parameters(dtype: torch.dtype, seed: int = 0) -> tuple[Tensor, list[Tensor], list[Tensor]]:
    generator = torch.Generator().manual_seed(seed)
    sizes = [3 + LAYOUT.output_dim, 32, 32, 6]
    table = torch.randn(LAYOUT.n_parameters, generator=generator) * 0.2
    weights = [torch.randn(b, a, generator=generator) / a**0.5 for a, b in pairwise(sizes)]
    biases = [torch.randn(b, generator=generator) * 0.1 for b in sizes[1:]]
    leaf = [t.to(dtype).requires_grad_() for t in [table, *weights, *biases]]
    return leaf[0], leaf[1:4], leaf[4:]


def by_autograd(
    points: Tensor, table: Tensor, weights: list[Tensor], biases: list[Tensor], active: int | None
) -> tuple[Tensor, Tensor]:
    points = points.detach().requires_grad_()
    hidden = torch.cat(
        [points, reference.encode(points * 0.5 + 0.5, table, LAYOUT, "smoothstep", active)], dim=1
    )
    for weight, bias in zip(weights[:-1], biases[:-1]):
        hidden = torch.nn.functional.softplus(hidden @ weight.T + bias, beta=BETA, threshold=1e9)
    outputs = hidden @ weights[-1].T + biases[-1]
    (gradient,) = torch.autograd.grad(outputs[:, 0].sum(), points, create_graph=True)
    return outputs, gradient


def a_loss(outputs: Tensor, gradient: Tensor) -> Tensor:
    """Of everything a fit asks for: value, features, slope."""
    return (
        outputs.square().mean()
        + (gradient.norm(dim=1) - 1.0).square().mean()
        + (gradient * outputs[:, 1:4]).mean()
    )


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize(("count", "active"), [(1, None), (37, None), (200, 3)])
def test_values_and_all_gradients(dtype: torch.dtype, count: int, active: int | None) -> None:
    points = torch.rand(count, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64) * 2 - 1
    expected_leaves, leaves = parameters(torch.float64), parameters(dtype)
    expected = by_autograd(points, *expected_leaves, active)
    options = {"interpolation": "smoothstep", "beta": BETA, "active_levels": active}
    found = sdf_query(points.to(dtype), *leaves, LAYOUT, **options)
    tolerance = {"rtol": 1e-9, "atol": 1e-10} if dtype == torch.float64 else {"rtol": 2e-3, "atol": 2e-4}
    for a, b in zip(found, expected):
        torch.testing.assert_close(a.double(), b, **tolerance)
    torch.testing.assert_close(
        sdf_values(points.to(dtype), *leaves, LAYOUT, **options), found[0].detach(), **tolerance
    )

    a_loss(*expected).backward()
    a_loss(*found).backward()
    for mine, theirs in zip(
        [leaves[0], *leaves[1], *leaves[2]], [expected_leaves[0], *expected_leaves[1], *expected_leaves[2]]
    ):
        assert mine.grad is not None and theirs.grad is not None
        torch.testing.assert_close(mine.grad.double(), theirs.grad, **tolerance)


def test_the_tables_gradient_adds_up_in_place() -> None:
    points = torch.rand(64, 3) * 2 - 1
    table, weights, biases = parameters(torch.float32)
    a_loss(*sdf_query(points, table, weights, biases, LAYOUT)).backward()
    once = table.grad
    assert once is not None
    single = once.clone()
    a_loss(*sdf_query(points, table, weights, biases, LAYOUT)).backward()
    assert table.grad is once
    torch.testing.assert_close(once, 2.0 * single)


def test_no_points() -> None:
    table, weights, biases = parameters(torch.float32)
    outputs, gradient = sdf_query(torch.empty(0, 3), table, weights, biases, LAYOUT)
    assert outputs.shape == (0, 6) and gradient.shape == (0, 3)
