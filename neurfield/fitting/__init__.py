"""Fitting fields: the loop, the tasks, checkpoints, a run's folder.

What takes an input and makes a run of it stands above, in `neurfield.inputs`; its names can be had from here
too.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from neurfield.fitting.fitter import FitFailed, FitInterrupted
    from neurfield.fitting.surface_watch import SurfaceLeft

__all__ = ["FitFailed", "FitInterrupted", "SurfaceLeft"]

_HOME_OF = {
    "FitFailed": "neurfield.fitting.fitter", "FitInterrupted": "neurfield.fitting.fitter",
    "SurfaceLeft": "neurfield.fitting.surface_watch",
    "ImageRun": "neurfield.inputs", "Run": "neurfield.inputs", "fit": "neurfield.inputs",
    "fit_image": "neurfield.inputs", "resume": "neurfield.inputs",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in _HOME_OF:
        return getattr(importlib.import_module(_HOME_OF[name]), name)
    raise AttributeError(f"module 'neurfield.fitting' has no attribute '{name}'")
