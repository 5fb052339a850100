"""Systems of many small blocks against the dense matrix that they stand for."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from neurfield.fusion.coupled_blocks import CoupledBlocks


def some_system(n: int, k: int, pairs: int, seed: int = 0) -> CoupledBlocks:
    """Squares of residuals between random pairs of blocks, and a little of each block's own, float64."""
    generator = torch.Generator().manual_seed(seed)
    first = torch.randint(n, (pairs,), generator=generator)
    second = (first + 1 + torch.randint(max(n - 1, 1), (pairs,), generator=generator)) % n
    a, b = (torch.randn(pairs, 5, k, dtype=torch.float64, generator=generator) for _ in range(2))
    own = 0.1 * torch.eye(k, dtype=torch.float64).repeat(n, 1, 1)
    own.index_add_(0, first, a.transpose(1, 2) @ a)
    own.index_add_(0, second, b.transpose(1, 2) @ b)
    return CoupledBlocks(own, first, second, a.transpose(1, 2) @ b)


def right_side(n: int, k: int) -> Tensor:
    return torch.randn(n, k, dtype=torch.float64, generator=torch.Generator().manual_seed(7))


@pytest.mark.parametrize(("n", "k", "pairs"), [(1, 3, 0), (5, 1, 4), (6, 4, 0), (7, 26, 40), (40, 2, 300)])
def test_the_solution_is_that_of_the_dense_matrix(n: int, k: int, pairs: int) -> None:
    """Pairs come both ways round, and again: 300 among 40."""
    system, right = some_system(n, k, pairs), right_side(n, k)
    dense = np.linalg.solve(system.dense().numpy(), right.numpy().reshape(-1)).reshape(n, k)
    np.testing.assert_allclose(system.solve(right, tolerance=1e-12), dense, rtol=1e-8, atol=1e-9)


def test_a_product_is_that_of_the_dense_matrix() -> None:
    system, vector = some_system(9, 4, 30), right_side(9, 4)
    dense = system.dense()
    torch.testing.assert_close(dense, dense.T)
    torch.testing.assert_close(system.times(vector).view(-1), dense @ vector.view(-1))


def test_the_residual_is_as_small_as_asked() -> None:
    system, right = some_system(30, 4, 60, seed=3), right_side(30, 4)
    for tolerance in (1e-2, 1e-5, 1e-8):
        left = right - system.times(system.solve(right, tolerance))
        assert float(left.norm() / right.norm()) <= 1.01 * tolerance


def test_nothing_asked_is_nothing() -> None:
    system = some_system(4, 3, 6)
    assert torch.equal(system.solve(torch.zeros(4, 3)), torch.zeros(4, 3))


def test_numbers_grow_with_the_blocks_alone() -> None:
    """A dense matrix of these would have 36 million numbers; memory follows from what is held."""
    system = some_system(2000, 3, 4000)
    held = sum(t.numel() for t in (system.own, system.across, system.first, system.second))
    assert held <= 2000 * 9 + 4000 * (9 + 2)
    right = right_side(2000, 3)
    assert float((system.times(system.solve(right)) - right).norm() / right.norm()) < 2e-5
