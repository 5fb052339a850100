"""How large a fit is, and how long it takes, in words."""

from __future__ import annotations

from typing import Any

import torch

from neurfield.fitting.fitter import Task
from neurfield.ops import native
from neurfield.parts import Config
from neurfield.wording import about

BYTES_OF_TORCH = 0.4e9  # what the process holds before it has done anything
BYTES_PER_PARAMETER = 16.0  # with gradient and moments
BYTES_OF_POINTS = 0.3e9  # of a step with points alone


def parameters_of(task: Task) -> int:
    """Numbers that are fitted."""
    return sum(p.numel() for group in task.groups() for p in group.parameters)


def memory_of(parameters: int, more: float) -> float:
    """Bytes that a fit of so many parameters takes, `more` of them for its input and a step."""
    return BYTES_OF_TORCH + BYTES_PER_PARAMETER * parameters + more


def points_words(task: Any, config: Config, step: int, seconds_per_step: float) -> list[str]:
    """What a fit to points alone is made with, and how long it takes, line by line."""
    parameters = parameters_of(task)
    each = getattr(task.field, "bytes_a_point", 0.0)  # of a field that keeps much between its derivatives
    more = BYTES_OF_POINTS + each * max((getattr(one, "count", 0) for one in task.sources), default=0)
    many = f"{parameters / 1e6:.1f} M" if parameters >= 1e5 else f"{parameters:,}"
    where = f"{torch.get_num_threads()} threads" if task.device.type == "cpu" else str(task.device)
    return [
        f"method {config.method} ({config.preset}), steps {step} to {config.train.steps}, "
        f"{many} parameters, about {memory_of(parameters, more) / 1e9:.1f} GB",
        f"kernels: {task.field.path} ({native.reason_for(task.device)}), device {task.device}, {where}",
        *(source.words for source in task.sources if source.words),
        f"about {about(seconds_per_step * (config.train.steps - step))} to fit, "
        f"as busy as the machine is now ({1e3 * seconds_per_step:.0f} ms a step)",
    ]
