"""Symmetric positive systems of many small blocks of which few hang together, solved in linear time.

Conjugate gradients (Hestenes and Stiefel 1952) with the inverse of each diagonal block before them (block
Jacobi). Solving n blocks by a dense matrix costs n^3 operations and n^2 numbers; a round here costs one
product with every block that there is.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

TOLERANCE = 1e-5  # of the residual, as a part of the right side
MOST_ROUNDS = 400


@dataclass(frozen=True)
class CoupledBlocks:
    """A symmetric matrix of n times n blocks of k times k numbers, most of them zero.

    Attributes:
        own: [n, k, k], the diagonal blocks, symmetric and positive.
        first, second: int64 [m], the places of other blocks; several at one place count together.
        across: [m, k, k], the blocks in row `first` and column `second`; the other way round stands their
            transpose.
    """

    own: Tensor
    first: Tensor
    second: Tensor
    across: Tensor

    def times(self, vector: Tensor) -> Tensor:
        """The product with a vector [n, k]."""
        product = (self.own @ vector[..., None])[..., 0]
        product.index_add_(0, self.first, (self.across @ vector[self.second][..., None])[..., 0])
        product.index_add_(0, self.second, (vector[self.first][:, None] @ self.across)[:, 0])
        return product

    def dense(self) -> Tensor:
        """The whole matrix [n * k, n * k]: what `solve` is measured by."""
        n, k = self.own.shape[:2]
        every = torch.arange(n)
        blocks = torch.zeros(n, n, k, k, dtype=self.own.dtype)
        blocks.index_put_((every, every), self.own, accumulate=True)
        blocks.index_put_((self.first, self.second), self.across, accumulate=True)
        blocks.index_put_((self.second, self.first), self.across.transpose(1, 2), accumulate=True)
        return blocks.transpose(1, 2).reshape(n * k, n * k)

    def solve(self, right: Tensor, tolerance: float = TOLERANCE, most: int = MOST_ROUNDS) -> Tensor:
        """The vector [n, k] whose product is `right` [n, k].

        Args:
            tolerance: of the residual's length, as a part of the right side's.
            most: rounds.
        """
        # The residual is to fall below what float32 adds up to.
        system = CoupledBlocks(self.own.double(), self.first, self.second, self.across.double())
        before = torch.linalg.cholesky(system.own)
        residual = right.double()
        enough = tolerance * float(residual.norm())
        solution = torch.zeros_like(residual)
        inner, direction = torch.ones((), dtype=torch.float64), torch.zeros_like(residual)
        for _ in range(most):
            if float(residual.norm()) <= enough:
                break
            scaled = torch.cholesky_solve(residual[..., None], before)[..., 0]
            last, inner = inner, (residual * scaled).sum()
            direction = scaled + inner / last * direction
            product = system.times(direction)
            step = inner / (direction * product).sum()
            solution += step * direction
            residual = residual - step * product
        return solution.to(right.dtype)
