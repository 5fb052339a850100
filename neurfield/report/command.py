"""The command that makes a run again, worked out from what the run says of itself."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Any

from neurfield.inputs.base import Input
from neurfield.inputs.registry import INPUTS


def command_of(kind: type[Input], facts: dict[str, Any], config: Any, plugins: Sequence[str] = ()) -> str:
    """`neurfield fit ...` with the flags that differ from the preset.

    Args:
        kind: of the run's input.
        facts: of its run.json.
        config: of its config.yaml.
        plugins: the words of --plugin by which that was read.
    """
    chosen = kind.chosen(config)
    what = [f"--{kind.flag}", kind.place(facts), f"--{INPUTS[kind.flag].named_by}", chosen]
    usual = kind.settings.load(chosen, config.preset, plugins=plugins)
    more = _differences(config, usual, kind.settings.differences(config, usual))
    what += [word for plugin in plugins for word in ("--plugin", plugin)]
    return shlex.join(["neurfield", "fit", *what, "--preset", config.preset, *more])


def _differences(config: Any, usual: Any, overrides: Sequence[str]) -> list[str]:
    """The flags by which a configuration differs from its preset."""
    words = []
    if config.train.steps != usual.train.steps:
        words += ["--steps", str(config.train.steps)]
    for key in ("seed", "device"):
        if getattr(config, key) != getattr(usual, key):
            words += [f"--{key}", str(getattr(config, key))]
    for override in overrides:
        if not override.startswith("train.steps="):
            words += ["--set", override]
    return words
