"""By which overrides a configuration differs from another one, such as its preset."""

from __future__ import annotations

import dataclasses
from typing import Any

from neurfield.parts.config import Config
from neurfield.parts.fitted import FITTED
from neurfield.parts.part import Part
from neurfield.parts.shelf import SLOTS
from neurfield.parts.yaml_text import write_value


def differences(config: Config, usual: Config) -> list[str]:
    """Overrides (key=value, as of --set) that turn the groups and parts of `usual` into those of `config`."""
    overrides = []
    for group in FITTED[config.fits].groups:
        before, after = (dataclasses.asdict(getattr(one, group)) for one in (usual, config))
        overrides += _changed(group, before, after)
    for slot in config.parts:
        for label, part in usual.parts[slot].items():
            if label not in config.parts[slot]:
                overrides.append(f"{part.key}=off")
        for label, part in config.parts[slot].items():
            before_it = usual.parts[slot].get(label)
            if before_it is None or before_it.name != part.name:
                overrides.append(f"{part.key}.part={part.name}")
                defaults = {name: number.default for name, number in part.entry.numbers().items()}
                before_it = dataclasses.replace(part, numbers=defaults, weight=None, decay=0.0)
            overrides += _changed(part.key, _numbers(before_it), _numbers(part))
    return overrides


def _numbers(part: Part) -> dict[str, Any]:
    """Numbers, weight and decay of a part."""
    of_losses = {"weight": part.weight, "decay": part.decay} if SLOTS[part.slot].weighted else {}
    return {**of_losses, **part.numbers}


def _changed(key: str, before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    return [f"{key}.{name}={write_value(value)}" for name, value in after.items() if value != before[name]]
