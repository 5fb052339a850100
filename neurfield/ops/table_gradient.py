"""Where a backward puts the gradient of a table that is many times larger than what a step touches of it."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd.graph import get_gradient_edge


def place_for(table: Tensor, needed: bool) -> tuple[Tensor, bool]:
    """A tensor of the table's shape to add the gradient to, and whether it is to be returned to autograd.

    To be called during a backward. Where that adds to the `.grad` of its leaves, as `loss.backward()` does,
    and `table.grad` exists, it is that memory, and nothing is returned: a fresh dense gradient per step would
    cost more than the scatter into it. Else it is fresh zeros, which `torch.autograd.grad`, hooks and what
    the table was made of get through autograd. Of a table that nobody wants the gradient of, because it is
    frozen or because others alone were asked for, the zeros are scratch.

    Args:
        needed: whether the table takes a gradient (`ctx.needs_input_grad`).
    """
    wanted, added = _fate(table) if needed else (False, False)
    if wanted and added and table.grad is not None:
        return table.grad, False
    return torch.zeros_like(table, memory_format=torch.contiguous_format), wanted


def _fate(table: Tensor) -> tuple[bool, bool]:
    """Whether the backward that runs wants the table's gradient, and whether just to add it to `.grad`."""
    watched = bool(table._backward_hooks) or bool(getattr(table, "_post_accumulate_grad_hooks", None))
    runs = getattr(torch._C, "_will_engine_execute_node", None)
    if runs is None:  # of a torch that does not tell
        return True, False
    try:
        wanted = bool(runs(cast(Any, get_gradient_edge(table).node)))
    except RuntimeError:  # it does not tell of leaves whose gradient torch.autograd.grad was asked for
        return True, False
    plain = table.is_leaf and table.grad is not None and table.grad.is_contiguous() and not watched
    return wanted, plain and not torch.is_grad_enabled()
