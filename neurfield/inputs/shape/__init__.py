"""A mesh or a cloud of points as an input: opened for a fit, its words, its results."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from neurfield.inputs.shape.input import ShapeInput

__all__ = ["ShapeInput"]


def __getattr__(name: str) -> Any:
    if name == "ShapeInput":  # what shows a run (`shown`) loads no torch; this does
        return importlib.import_module(f"{__name__}.input").ShapeInput
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
