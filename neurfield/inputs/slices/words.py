"""What is said before a fit to slices."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from rich.text import Text

from neurfield.inputs.size import memory_of, parameters_of
from neurfield.ops import native
from neurfield.parts import Config
from neurfield.slices import Slices
from neurfield.wording import about

_BYTES_OF_A_STEP = 0.3e9


def slices_words(
    slices: Slices, task: Any, config: Config, step: int, seconds_per_step: float
) -> list[str | Text]:
    """The paragraph, line by line."""
    parameters = parameters_of(task)
    size = " x ".join(f"{side:.4g}" for side in np.ptp(slices.corners, axis=0))
    unit = f" {slices.unit}" if slices.unit else ""
    axes = f", {slices.axes} axes" if slices.axes else ""
    gaps = slices.gaps
    apart = f", {gaps.min():.4g} to {gaps.max():.4g}{unit} apart" if len(gaps) else ""
    if len(gaps) and np.ptp(gaps) < 1e-3 * gaps.max():
        apart = f", {gaps.mean():.4g}{unit} apart"
    where = f"{torch.get_num_threads()} threads" if task.device.type == "cpu" else str(task.device)
    return [
        Text.assemble((slices.name, "bold"), f": {slices.words}{apart}"),
        f"size {size}{unit}, in the coordinates of its file{axes}",
        f"method {config.method} ({config.preset}), steps {step} to {config.train.steps}, "
        f"{parameters / 1e6:.1f} M parameters, about {memory_of(parameters, _BYTES_OF_A_STEP) / 1e9:.1f} GB",
        f"kernels: {task.field.path} ({native.reason_for(task.device)}), device {task.device}, {where}",
        *(source.words for source in task.sources if source.words),
        f"about {about(seconds_per_step * (config.train.steps - step))} to fit, "
        f"as busy as the machine is now ({1e3 * seconds_per_step:.0f} ms a step)",
    ]
