"""Every number of a method: its key, what it means and may be, and what methods make of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from neurfield.parts.config import Config, config_on
from neurfield.parts.draft import OF_LOSSES, SETTINGS
from neurfield.parts.fitted import FITTED
from neurfield.parts.groups import PRESETS
from neurfield.parts.numbers import Declared, declared
from neurfield.parts.presets import methods
from neurfield.parts.shelf import SLOTS, Entry, Shelf


@dataclass(frozen=True)
class Setting:
    """A number that --set changes.

    Attributes:
        key: that --set takes, such as "train.steps", "field.levels" or "losses.color.weight".
        number: what its group or part declares.
        value: that it has.
        of: the key by the part's own name instead of its label: "field.sdf.levels"; "" of a group's.
    """

    key: str
    number: Declared
    value: Any
    of: str = ""


def settings_of(config: Config) -> dict[str, Setting]:
    """All numbers of a method by their keys, in the order of a preset file."""
    found = [Setting(name, SETTINGS[name], getattr(config, name)) for name in ("seed", "device")]
    for name, group in FITTED[config.fits].groups.items():
        values = vars(getattr(config, name))
        found += [Setting(f"{name}.{key}", d, values[key]) for key, d in declared(group, name).items()]
    for parts in config.parts.values():
        for part in parts.values():
            of_losses = {"weight": part.weight, "decay": part.decay}
            found += _of_part(part.entry, part.key, of_losses | part.numbers)
    return {setting.key: setting for setting in found}


def settings_of_part(entry: Entry) -> dict[str, Setting]:
    """The numbers of a part that a method may not have, as they are where nothing is said."""
    return {setting.key: setting for setting in _of_part(entry, entry.key, {})}


def said_by_methods(key: str, shelf: Shelf) -> dict[str, dict[str, Any]]:
    """What methods say of a number, by preset, where one of their values is not the default.

    Args:
        key: of the number.
        shelf: of the parts.
    """
    said = {}
    for method in methods():
        found = [_named(settings_of(config_on(shelf, method, preset)), key) for preset in PRESETS]
        if any(one is not None and one.value != one.number.default for one in found):
            said[method] = {preset: one.value for preset, one in zip(PRESETS, found) if one is not None}
    return said


def _named(settings: Mapping[str, Setting], key: str) -> Setting | None:
    return settings.get(key) or next((one for one in settings.values() if one.of == key), None)


def _of_part(entry: Entry, key: str, values: Mapping[str, Any]) -> list[Setting]:
    numbers = {**(OF_LOSSES if SLOTS[entry.slot].weighted else {}), **entry.numbers()}
    return [
        Setting(f"{key}.{name}", number, values.get(name, number.default), f"{entry.key}.{name}")
        for name, number in numbers.items()
    ]
