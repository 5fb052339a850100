"""What is shown around a run's mesh, of whatever input it is."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from neurfield.inputs.registry import INPUTS
from neurfield.inputs.shown import Shown


def shower_of(folder: Path, facts: dict[str, Any]) -> Callable[[Path, dict[str, Any], Any], Shown]:
    """What gives the `Shown` of a run: called with its folder, its facts and where its input was moved to.

    Of most inputs it loads no torch, so that one sees a run before the seconds that this takes.

    Args:
        folder: of the run.
        facts: as run.json has them.

    Raises:
        UserError: the run is of an input that is not there, or that nothing can be shown of.
    """
    entry = INPUTS.get(str(facts.get("input")))
    if entry is not None and entry.shown:
        module, _, name = entry.shown.partition(":")
        return getattr(importlib.import_module(module), name)  # type: ignore[no-any-return]
    from neurfield.inputs.run import input_of

    kind, _ = input_of(folder)
    kind.require("view", folder)
    return kind.shown
