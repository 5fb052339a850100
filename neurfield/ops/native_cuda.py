"""Finds the CUDA kernels, or says in one line why a GPU is served by the torch reference instead.

`NEURFIELD_NATIVE=0` switches them off together with the CPU's.
"""

from __future__ import annotations

import importlib
import os
import warnings
from functools import lru_cache
from types import ModuleType

import torch


@lru_cache(maxsize=1)
def load() -> tuple[ModuleType | None, str]:
    """The module of CUDA kernels if they can run here, and why they can or cannot, in words."""
    if os.environ.get("NEURFIELD_NATIVE", "1") == "0":
        return None, "switched off by NEURFIELD_NATIVE=0"
    try:
        module = importlib.import_module("neurfield._native_cuda")
    except ImportError as error:
        return None, f"not built ({error}); where nvcc is, `NEURFIELD_CUDA=1 pip install .` builds them"
    reason = module.why_not()
    if reason:
        return None, reason
    if not torch.cuda.is_available():
        built = torch.version.cuda
        return (
            None,
            "this torch was built without CUDA" if built is None else f"torch's CUDA {built} finds no GPU",
        )
    return module, f"built for {module.archs}"


def on(device: torch.device) -> ModuleType | None:
    """The kernels, set to torch's current stream of this device; None, and a warning, without."""
    module, reason = load()
    if module is None:
        _warn_once(reason)
        return None
    stream = torch.cuda.current_stream(device)
    module.use(stream.device_index, stream.cuda_stream)
    return module


def was_told() -> None:
    """Whoever uses the GPU knows that our kernels do not run: no warning about it any more."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _warn_once(load()[1])


@lru_cache(maxsize=1)
def _warn_once(reason: str) -> None:
    warnings.warn(
        f"neurfield's CUDA kernels do not run here: {reason}; tensors on the GPU take the torch reference, "
        "many times slower",
        stacklevel=4,
    )
