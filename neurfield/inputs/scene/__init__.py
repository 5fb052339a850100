"""A scene as input: images with poses, and whatever depth, priors and masks there are."""

from __future__ import annotations

from neurfield.inputs.scene.input import SceneInput
from neurfield.inputs.scene.opened import OpenedScene

__all__ = ["OpenedScene", "SceneInput"]
