"""Memory that a step frees is there for the next one."""

from __future__ import annotations

import platform
import resource

import pytest
import torch

from neurfield.ops import native


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc is told what to keep")
def test_freed_arrays_are_not_handed_back_to_the_system() -> None:
    if native.module is None:
        pytest.skip("no native kernels here")
    assert native.module.keep_freed_memory()

    def faults() -> int:
        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

    def step() -> None:
        first, second = torch.full((3_000_000,), 1.0), torch.full((2_000_000,), 2.0)
        del first, second

    for _ in range(3):
        step()
    before = faults()
    for _ in range(20):
        step()
    assert faults() - before < 20 * 1000  # the arrays have 4900 pages
