"""Where a run computes: what was asked for, what the machine has, and one line where the two differ."""

from __future__ import annotations

from collections.abc import Callable

import torch

from neurfield.errors import UserError
from neurfield.ops import gpus, native_cuda

Tell = Callable[[str], object]
CPU = torch.device("cpu")


def pick_device(name: str, tell: Tell = print) -> torch.device:
    """The device that a name means: "cpu", "cuda", or "auto", the GPU if our kernels run on it, else the CPU.

    Args:
        name: what was asked for.
        tell: is given a line where a GPU is there and not used, or used without our kernels.

    Raises:
        UserError: "cuda" was asked for, and torch has no GPU.
    """
    if name == "cpu":
        return CPU
    module, reason = native_cuda.load()
    if name == "auto":
        if module is not None:
            return torch.device("cuda")
        if gpus.present():
            tell(f"the GPU is not used: {reason}; computing on the CPU")
        return CPU
    if not torch.cuda.is_available():
        raise UserError(
            f"--device cuda: {_why_torch_has_none()}; use --device cpu, or see `neurfield doctor`"
        )
    if module is None:
        native_cuda.was_told()
        tell(f"the GPU runs the torch reference, many times slower than our kernels: {reason}")
    return torch.device("cuda")


def device_of_run(configured: str, choice: str | None = None, tell: Tell = print) -> torch.device:
    """Where a run is opened: where it is asked for, else where it was fitted, if this machine has that.

    Args:
        configured: by the run's config.yaml.
        choice: what somebody asks for now; None: nothing.
        tell: as for `pick_device`.

    Raises:
        UserError: as `pick_device`, for what is asked for.
    """
    if choice is not None:
        if choice not in ("auto", "cpu", "cuda"):
            raise UserError(f"--device {choice}: use auto, cpu or cuda")
        return pick_device(choice, tell)
    if configured == "cuda" and not torch.cuda.is_available():
        tell(f"the run was fitted on a GPU, the CPU goes on with it: {_why_torch_has_none()}")
        return CPU
    return pick_device(configured, tell)


def silent(line: str) -> None:
    """For quiet fits, that tell nothing."""


def _why_torch_has_none() -> str:
    if torch.version.cuda is None:
        return "this torch was built without CUDA"
    if gpus.present():
        return f"the driver {gpus.driver()} does not serve torch's CUDA {torch.version.cuda}"
    return "there is no CUDA device that torch can see"
