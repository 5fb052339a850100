"""The command that makes a run again, worked out from what the run says of itself."""

from __future__ import annotations

import dataclasses
import shlex
from typing import Any

from neurfield.inputs.base import Input
from neurfield.inputs.registry import INPUTS


def command_of(kind: type[Input], facts: dict[str, Any], config: Any) -> str:
    """`neurfield fit ...` with the flags that differ from the preset.

    kind: of the run's input. facts: of its run.json. config: of its config.yaml.
    """
    chosen = kind.chosen(config)
    what = [f"--{kind.flag}", kind.place(facts), f"--{INPUTS[kind.flag].named_by}", chosen]
    usual = kind.settings.load(chosen, config.preset)
    return shlex.join(["neurfield", "fit", *what, "--preset", config.preset, *_differences(config, usual)])


def _differences(config: Any, usual: Any) -> list[str]:
    """The flags by which a configuration differs from its preset."""
    words = []
    if config.train.steps != usual.train.steps:
        words += ["--steps", str(config.train.steps)]
    for key in ("seed", "device"):
        if getattr(config, key) != getattr(usual, key):
            words += [f"--{key}", str(getattr(config, key))]
    for group in dataclasses.fields(config):
        mine, theirs = getattr(config, group.name), getattr(usual, group.name)
        if not dataclasses.is_dataclass(mine) or mine == theirs:
            continue
        for item in dataclasses.fields(mine):
            value = getattr(mine, item.name)
            if value != getattr(theirs, item.name) and (group.name, item.name) != ("train", "steps"):
                words += ["--set", f"{group.name}.{item.name}={_as_typed(value)}"]
    return words


def _as_typed(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value).replace(" ", "") if isinstance(value, list) else str(value)
