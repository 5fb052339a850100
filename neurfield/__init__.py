"""Neural fields that end as surfaces: images, depth and priors in, a mesh in your own frame out.

`import neurfield as nf` loads nothing heavy; each of the names below is imported when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from neurfield.openmp import let_threads_sleep

if TYPE_CHECKING:
    from neurfield import (
        encodings,
        evaluation,
        fields,
        fusion,
        images,
        losses,
        ops,
        parts,
        pixels,
        points,
        rendering,
        scenes,
        shapes,
        stereo,
        surfaces,
        textures,
    )
    from neurfield.errors import UserError
    from neurfield.evaluation import evaluate_mesh
    from neurfield.inputs import ImageRun, Run, fit, fit_image, resume
    from neurfield.renders import render_walk
    from neurfield.scenes import load_scene

__version__ = "0.1.0"

__all__ = [
    "ImageRun", "Run", "UserError", "__version__", "encodings", "evaluate_mesh", "evaluation", "fields",
    "fit", "fit_image", "fusion", "images", "load_scene", "losses", "ops", "parts", "pixels", "points",
    "render_walk", "rendering", "resume", "scenes", "shapes", "stereo", "surfaces", "textures",
]  # fmt: skip

_PACKAGES = {
    "encodings",
    "evaluation",
    "fields",
    "fusion",
    "images",
    "losses",
    "ops",
    "parts",
    "pixels",
    "points",
    "rendering",
    "scenes",
    "shapes",
    "stereo",
    "surfaces",
    "textures",
}
_HOME_OF = {
    "UserError": "neurfield.errors",
    "ImageRun": "neurfield.inputs",
    "Run": "neurfield.inputs",
    "evaluate_mesh": "neurfield.evaluation",
    "fit": "neurfield.inputs",
    "fit_image": "neurfield.inputs",
    "load_scene": "neurfield.scenes",
    "render_walk": "neurfield.renders",
    "resume": "neurfield.inputs",
}

let_threads_sleep()  # before torch is imported: its OpenMP reads once how to wait


def __getattr__(name: str) -> Any:
    if name in _PACKAGES:
        return importlib.import_module(f"neurfield.{name}")
    if name in _HOME_OF:
        return getattr(importlib.import_module(_HOME_OF[name]), name)
    raise AttributeError(f"module 'neurfield' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted(__all__)
