"""Where there is an NVIDIA GPU, the tests of the CUDA kernels must not have been skipped in silence."""

from __future__ import annotations

import os

import pytest
import torch

import cuda_build
from neurfield.ops import native_cuda


def complaint(has_gpu: bool, choice: str, loaded: bool, reason: str) -> str | None:
    """What to say of this machine, or None: kernels that do not load, and nobody switched them off."""
    if not has_gpu or choice == "0" or loaded:
        return None
    return (
        f"there is an NVIDIA GPU, but the tests of the CUDA kernels were skipped: {reason}. "
        "NEURFIELD_CUDA=0 says that this is meant"
    )


def test_a_gpu_is_tested() -> None:
    if not (cuda_build.has_gpu() or torch.cuda.is_available()):
        pytest.skip("no NVIDIA GPU here: the CUDA kernels were tested as compiled for the CPU only")
    if os.environ.get("NEURFIELD_CUDA") == "0":
        pytest.skip("NEURFIELD_CUDA=0: the GPU of this machine is left out")
    module, reason = native_cuda.load()
    told = complaint(True, os.environ.get("NEURFIELD_CUDA", "auto"), module is not None, reason)
    assert told is None, told


def test_the_canary_sings_only_when_it_must() -> None:
    told = complaint(True, "auto", False, "not built")
    assert told is not None and "not built" in told and "\n" not in told
    assert complaint(True, "1", False, "the driver is older") is not None
    assert complaint(True, "0", False, "not built") is None
    assert complaint(False, "auto", False, "not built") is None
    assert complaint(True, "auto", True, "built for sm_90") is None
