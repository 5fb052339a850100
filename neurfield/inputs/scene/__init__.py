"""A scene as input: images with poses, and whatever depth, priors and masks there are."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from neurfield.inputs.scene.input import SceneInput
    from neurfield.inputs.scene.opened import OpenedScene

__all__ = ["OpenedScene", "SceneInput"]


def __getattr__(name: str) -> Any:
    # What shows a run (`shown`) loads no torch; these do.
    homes = {"SceneInput": "input", "OpenedScene": "opened"}
    if name in homes:
        return getattr(importlib.import_module(f"{__name__}.{homes[name]}"), name)
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
