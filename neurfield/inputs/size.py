"""How large a fit is."""

from __future__ import annotations

from neurfield.fitting.fitter import Task

BYTES_OF_TORCH = 0.4e9  # what the process holds before it has done anything
BYTES_PER_PARAMETER = 16.0  # with gradient and moments


def parameters_of(task: Task) -> int:
    """Numbers that are fitted."""
    return sum(p.numel() for group in task.groups() for p in group.parameters)


def memory_of(parameters: int, more: float) -> float:
    """Bytes that a fit of so many parameters takes, `more` of them for its input and a step."""
    return BYTES_OF_TORCH + BYTES_PER_PARAMETER * parameters + more
