"""What a training step would do to a GPU, found on the CPU: where it would make the host wait, and which
tensors it would make on the wrong device.

The step runs as always. One mode sees what Python calls (tensors made without a device, tensors read as
Python numbers), another what torch then does, the backward included (operations whose result's size, or whose
result, the host has to read). Native kernels are seen by neither: the one wait of theirs, for the number of
marched samples, is reported by `Watch` itself.
"""

from __future__ import annotations

import inspect
from collections import Counter
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from neurfield.ops import native

PACKAGE = Path(native.__file__).parents[1]

# Their results' sizes follow from values, or they are numbers: the host reads them.
READS = {
    "_local_scalar_dense", "item", "is_nonzero", "equal", "nonzero", "masked_select", "_unique2",
    "unique_dim", "unique_consecutive", "bincount", "nanmedian", "allclose",
}  # fmt: skip
MAKES = {
    "zeros", "ones", "empty", "full", "eye", "arange", "linspace", "logspace", "rand", "randn", "randint",
    "randperm", "tensor", "as_tensor", "scalar_tensor",
}  # fmt: skip
COPIES = {"cpu", "numpy", "tolist"}


class Watch:
    """Within it, `reads` counts waits and `made` tensors without a device, as "module.function: what"."""

    def __init__(self) -> None:
        self.reads: Counter[str] = Counter()
        self.made: Counter[str] = Counter()
        self._modes = (_Operations(self), _Calls(self))

    def __enter__(self) -> Watch:
        self._march = native.module.RayMarch if native.module is not None else None
        if native.module is not None:
            native.module.RayMarch = self._marched
        for mode in self._modes:
            mode.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for mode in reversed(self._modes):
            mode.__exit__(kind, error, trace)
        if native.module is not None:
            native.module.RayMarch = self._march

    def _marched(self, *arguments: Any) -> Any:
        self.reads[f"{_place()}: samples are counted"] += 1
        assert self._march is not None
        return self._march(*arguments)


class _Operations(TorchDispatchMode):
    def __init__(self, watch: Watch) -> None:
        super().__init__()
        self.watch = watch

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.overloadpacket.__name__
        if name in READS or (name == "repeat_interleave" and func._overloadname in ("Tensor", "self_Tensor")):
            self.watch.reads[f"{_place()}: {name}"] += 1
        if name in ("index", "index_put", "index_put_", "_index_put_impl_") and any(
            isinstance(i, Tensor) and i.dtype in (torch.bool, torch.uint8) for i in args[1]
        ):
            self.watch.reads[f"{_place()}: {name} by a mask"] += 1
        return func(*args, **(kwargs or {}))


class _Calls(TorchFunctionMode):
    def __init__(self, watch: Watch) -> None:
        super().__init__()
        self.watch = watch

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name, kwargs = getattr(func, "__name__", ""), kwargs or {}
        already = name == "as_tensor" and isinstance(args[0], Tensor)
        if name in MAKES and not already and getattr(func, "__module__", "") != "torch._tensor":
            device = kwargs.get("device")
            if device is None:
                self.watch.made[f"{_place()}: {name}"] += 1
            elif name in ("tensor", "as_tensor"):
                self.watch.reads[f"{_place()}: {name} of the host's numbers"] += 1
        if name in COPIES:
            self.watch.reads[f"{_place()}: {name}"] += 1
        return func(*args, **kwargs)


def _place() -> str:
    """The innermost function of the package that is at work; of the reference, whoever asked for it."""
    frame: FrameType | None = inspect.currentframe()
    while frame is not None:
        path = Path(frame.f_code.co_filename)
        if PACKAGE in path.parents and "reference" not in path.parts:
            module = ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
            return f"{module}.{frame.f_code.co_name}"
        frame = frame.f_back
    return "elsewhere"
