"""The loop's grid features are those of the full op, and their gradient adds up in place."""

from __future__ import annotations

import torch

from neurfield.ops.grid import GridLayout, grid_encode
from neurfield.ops.grid_features import grid_features

LAYOUT = GridLayout(levels=4, log2_table_size=9, base_resolution=4, growth=1.7)


def test_same_values_and_gradient_as_the_full_op() -> None:
    generator = torch.Generator().manual_seed(0)
    points = torch.rand(41, 3, generator=generator)
    table = torch.randn(LAYOUT.n_parameters, generator=generator)
    cotangent = torch.randn(41, LAYOUT.output_dim, generator=generator)
    full, quick = table.clone().requires_grad_(), table.clone().requires_grad_()
    expected = grid_encode(points, full, LAYOUT, active_levels=3)
    expected.backward(cotangent)
    for times in (1, 2):
        found = grid_features(points, quick, LAYOUT, active_levels=3)
        found.backward(cotangent)
        torch.testing.assert_close(found, expected)
        torch.testing.assert_close(quick.grad, times * full.grad)
