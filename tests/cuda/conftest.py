"""Tests of the CUDA kernels, each run wherever it can be.

`device` is the CPU's kernels, the CUDA source run on the CPU ("emulated", see csrc/cuda/emulation.h), and a
GPU.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import torch

from neurfield.ops import native, native_cuda

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def emulation() -> ModuleType:
    """The CUDA kernels, compiled for the CPU (a minute or two the first time)."""
    sys.path.insert(0, str(ROOT))
    try:
        import cuda_build
    finally:
        sys.path.remove(str(ROOT))
    path = cuda_build.build_emulated()
    spec = importlib.util.spec_from_file_location("_native_cuda_emulated", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(
    params=[
        "cpu",
        pytest.param("emulated", marks=pytest.mark.slow),
        pytest.param("cuda", marks=pytest.mark.cuda),
    ]
)
def device(request: pytest.FixtureRequest) -> Iterator[torch.device]:
    """Where the kernels run that a test is about: put its tensors there."""
    if request.param == "emulated":
        with native.emulating(request.getfixturevalue("emulation")):
            yield torch.device("cpu")
    elif request.param == "cpu":
        if native.module is None:
            pytest.skip("no native kernels here")
        yield torch.device("cpu")
    else:
        module, reason = native_cuda.load()
        if module is None:
            pytest.skip(f"no CUDA kernels here: {reason}")
        yield torch.device("cuda")
