"""Functions that torch.compile calls as they are: it cannot look into kernels, and warns of each it meets."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import torch

P = ParamSpec("P")
R = TypeVar("R")


def eager(function: Callable[P, R]) -> Callable[P, R]:
    """The function outside of what torch.compile makes of its callers, as by `torch.compiler.disable`.

    That itself would load the compiler, which takes seconds, with the first import of an operation.
    """
    apart: list[Callable[P, R]] = []

    @functools.wraps(function)
    def called(*args: P.args, **kwargs: P.kwargs) -> R:
        if "torch._dynamo" not in sys.modules:  # nobody compiles
            return function(*args, **kwargs)
        if not apart:
            apart.append(torch.compiler.disable(function))
        return apart[0](*args, **kwargs)

    marks: Any = called
    marks._torchdynamo_disable, marks._torchdynamo_disable_msg = True, "it calls native kernels"
    marks.__code__ = marks.__code__.replace(co_name=function.__name__)  # whose calls the compiler counts
    return called
