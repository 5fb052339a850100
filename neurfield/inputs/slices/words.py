"""What is said before a fit to slices."""

from __future__ import annotations

from typing import Any

import numpy as np
from rich.text import Text

from neurfield.inputs.size import points_words
from neurfield.parts import Config
from neurfield.slices import Slices, inner_labels


def slices_words(
    slices: Slices, task: Any, config: Config, step: int, seconds_per_step: float
) -> list[str | Text]:
    """The paragraph, line by line."""
    size = " x ".join(f"{side:.4g}" for side in np.ptp(slices.corners, axis=0))
    unit = f" {slices.unit}" if slices.unit else ""
    axes = f", {slices.axes} axes" if slices.axes else ""
    gaps = slices.gaps
    apart = f", {gaps.min():.4g} to {gaps.max():.4g}{unit} apart" if len(gaps) else ""
    if len(gaps) and np.ptp(gaps) < 1e-3 * gaps.max():
        apart = f", {gaps.mean():.4g}{unit} apart"
    return [
        Text.assemble((slices.name, "bold"), f": {slices.words}{apart}"),
        f"size {size}{unit}, in the coordinates of its file{axes}",
        *_inner_words(slices),
        *points_words(task, config, step, seconds_per_step),
    ]


def _inner_words(slices: Slices) -> list[str]:
    """Which labels' meshes go around others."""
    called = {slices.called(k): those for k, those in inner_labels(slices).items()}
    return [
        f"label {name} goes around {', '.join(slices.called(k) for k in those)}: so does its mesh"
        for name, those in called.items()
    ]
