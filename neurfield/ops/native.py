"""Finds the native kernels built for this machine, or says why the torch reference runs instead.

`NEURFIELD_ISA=generic|avx2|avx512` forces a variant, `NEURFIELD_NATIVE=0` switches the native path off.
"""

from __future__ import annotations

import ctypes
import importlib
import os
import platform
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import torch  # imported first on purpose: its libgomp then serves the native kernels too
from torch import Tensor

from neurfield.errors import UserError
from neurfield.ops import native_cuda as cuda

_NEEDED_FLAGS = {
    "avx512": {"avx512f", "avx512dq", "avx512bw", "avx512vl", "fma"},
    "avx2": {"avx2", "fma", "f16c"},
    "generic": set(),
}


@dataclass(frozen=True)
class NativeStatus:
    """Which native variant was loaded (`None` for none) and the reason, in words."""

    isa: str | None
    reason: str


def _cpu_flags() -> set[str]:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return set()
    return next((set(line.split(":", 1)[1].split()) for line in lines if line.startswith("flags")), set())


def _load() -> tuple[ModuleType | None, NativeStatus]:
    if os.environ.get("NEURFIELD_NATIVE", "1") == "0":
        return None, NativeStatus(None, "switched off by NEURFIELD_NATIVE=0")
    wanted = os.environ.get("NEURFIELD_ISA")
    if wanted and wanted not in _NEEDED_FLAGS:
        raise UserError(
            f"NEURFIELD_ISA={wanted}: unknown instruction set, use one of {', '.join(sorted(_NEEDED_FLAGS))}"
        )
    if sys.platform == "darwin":  # there the module is linked with no OpenMP: it looks for torch's
        for runtime in (Path(torch.__file__).parent / "lib").glob("libomp.dylib"):
            ctypes.CDLL(str(runtime), mode=ctypes.RTLD_GLOBAL)
    flags = _cpu_flags()
    missing = []
    for isa in [wanted] if wanted else list(_NEEDED_FLAGS):
        lacking = _NEEDED_FLAGS[isa] - flags
        if lacking:
            missing.append(f"{isa}: this processor lacks {', '.join(sorted(lacking))}")
            continue
        try:
            module = importlib.import_module(f"neurfield._native_{isa}")
        except ImportError as error:
            missing.append(f"{isa}: not built ({error})")
            continue
        return module, NativeStatus(
            isa, "forced by NEURFIELD_ISA" if wanted else f"best built for {platform.machine()}"
        )
    return None, NativeStatus(None, "; ".join(missing))


module, _status = _load()
_emulation: ModuleType | None = None
if module is None and os.environ.get("NEURFIELD_NATIVE", "1") != "0":
    warnings.warn(
        f"neurfield runs on its torch reference path, many times slower ({_status.reason}); "
        "with a C++ compiler, `NEURFIELD_ISAS=native pip install --no-deps .` in a checkout builds them",
        stacklevel=2,
    )


def status() -> NativeStatus:
    """The variant in use and why."""
    return _status


def refuse_transforms() -> None:
    """Raise RuntimeError within a transform of torch.func, such as vmap.

    Kernels see memory, and a transform hands out tensors that have none of their own.
    """
    if torch._C._are_functorch_transforms_active():
        raise RuntimeError(
            "neurfield: torch.func (vmap, grad, jacrev, ...) does not go through these operations: give all "
            "points in one call, and differentiate with torch.autograd"
        )


def one_device(*tensors: Tensor | None) -> torch.device:
    """The device of these tensors; what is None is left out.

    Raises:
        ValueError: they lie on different ones; names two.
    """
    refuse_transforms()
    device, *others = (t.device for t in tensors if t is not None)
    for other in others:
        if other != device:
            raise ValueError(
                f"the tensors of one call must lie on one device, got {device} and {other}: "
                "move them with .to(device)"
            )
    return device


def kernels(*tensors: Tensor, needs: str | None = None) -> Any:
    """The module whose kernels take these tensors; None where the torch reference must serve.

    That is the CPU's or CUDA's, by the tensors' device, if all floating ones are float32. Both have the same
    functions with the same arguments; CUDA's run on torch's current stream, and are not waited for.

    Args:
        needs: a function or class that the module must have: some families have no CUDA twin.

    Raises:
        ValueError: the tensors lie on different devices.
    """
    device = one_device(*tensors)
    if any(t.is_floating_point() and t.dtype != torch.float32 for t in tensors):
        return None
    if device.type == "cpu":
        found = module if _emulation is None else _emulation
    elif device.type == "cuda":
        found = cuda.on(device)
    else:
        found = None
    return found if needs is None or hasattr(found, needs) else None


def serves(*tensors: Tensor) -> bool:
    """Whether native kernels take these tensors, as `kernels` says."""
    return kernels(*tensors) is not None


def name_of(*tensors: Tensor) -> str:
    """Whose kernels take these tensors, for logs: "avx512", "sm_90", or "torch" where none do."""
    found = kernels(*tensors)
    if found is None:
        return "torch"
    if tensors[0].device.type == "cpu":
        return str(found.isa)
    major, minor = torch.cuda.get_device_capability(tensors[0].device)
    return f"sm_{major}{minor}"


def reason_for(device: torch.device) -> str:
    """Why the kernels on a device are what they are, in words."""
    return _status.reason if device.type == "cpu" else cuda.load()[1]


@contextmanager
def emulating(emulation: ModuleType) -> Iterator[None]:
    """Within it, CPU tensors go to `emulation`: the CUDA kernels' source, compiled for the CPU.

    For tests of what a GPU will compute (`cuda_build.py` makes the module); hundreds of times slower.
    """
    global _emulation
    before, _emulation = _emulation, emulation
    try:
        yield
    finally:
        _emulation = before


def has_bf16() -> bool:
    """Whether the kernels can multiply in bfloat16: the AVX-512 variant, on a processor with AVX512_BF16."""
    return module is not None and bool(module.has_bf16())
