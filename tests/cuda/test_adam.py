"""Adam's kernels against its reference: aligned and odd sizes, skipped entries, cleared gradients."""

from __future__ import annotations

import pytest
import torch

from neurfield.ops.adam import adam_step
from neurfield.ops.reference import adam as reference


@pytest.mark.parametrize("size", [0, 1, 3, 64, 1027])
@pytest.mark.parametrize("skip_zero", [False, True])
@pytest.mark.parametrize("offset", [0, 1])
def test_matches_the_reference(device: torch.device, size: int, skip_zero: bool, offset: int) -> None:
    random = torch.Generator().manual_seed(size)
    base = [torch.randn(size + offset, generator=random) for _ in range(4)]
    base[1][torch.rand(size + offset, generator=random) < 0.6] = 0.0
    base[3] = base[3].square()
    ours = [t.to(device)[offset:] for t in base]
    theirs = [t[offset:].double() for t in base]
    options = (3, 0.01, 0.9, 0.99, 1e-15, skip_zero, True)
    reference.adam_step(*theirs, *options)
    adam_step(*ours, 3, 0.01, skip_zero=skip_zero, clear_gradient=True)
    for mine, wanted in zip(ours, theirs):
        torch.testing.assert_close(mine.cpu().double(), wanted, rtol=1e-5, atol=1e-6)
