"""Kinds of input (a scene, an image, ...), and what is done with any of them: fit, resume, finish, a run.

`registry` names the kinds, `base` says what one brings, and each has a package of its own. Nothing heavy is
loaded before it is used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from neurfield.inputs.base import Input
    from neurfield.inputs.begin import fit, fit_image, resume
    from neurfield.inputs.outcome import Outcome
    from neurfield.inputs.results import finish
    from neurfield.inputs.run import Run
    from neurfield.inputs.run import Run as ImageRun

__all__ = ["ImageRun", "Input", "Outcome", "Run", "finish", "fit", "fit_image", "resume"]

_HOME_OF = {
    "Input": "base", "Outcome": "outcome", "Run": "run", "finish": "results", "fit": "begin",
    "fit_image": "begin", "resume": "begin",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    if name == "ImageRun":  # from when a run of a picture was a class of its own
        name = "Run"
    if name in _HOME_OF:
        return getattr(importlib.import_module(f"neurfield.inputs.{_HOME_OF[name]}"), name)
    raise AttributeError(f"module 'neurfield.inputs' has no attribute '{name}'")
