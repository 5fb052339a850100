"""The command that makes a run again, worked out from what the run says of itself."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Any

from neurfield.inputs.base import Input
from neurfield.inputs.methods import chosen_method
from neurfield.parts import Config, differences


def command_of(kind: type[Input], facts: dict[str, Any], config: Config, plugins: Sequence[str] = ()) -> str:
    """`neurfield fit ...` with the flags that differ from the preset.

    Args:
        kind: of the run's input.
        facts: of its run.json.
        config: of its config.yaml.
        plugins: the words of --plugin by which that was read.
    """
    what = [f"--{kind.flag}", kind.place(facts), "--method", config.method]
    what += ["--label", facts["chosen"]] if facts.get("chosen") else []  # of slices
    usual = chosen_method(kind, config.method, config.preset, plugins=plugins)
    more = _differences(config, usual, differences(config, usual))
    what += [word for plugin in plugins for word in ("--plugin", plugin)]
    return shlex.join(["neurfield", "fit", *what, "--preset", config.preset, *more])


def _differences(config: Config, usual: Config, overrides: Sequence[str]) -> list[str]:
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
