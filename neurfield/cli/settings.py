"""`neurfield settings`: every number of a method, what it means, what it may be, and who changes it."""

from __future__ import annotations

import shlex
from typing import Annotated, Any

from tyro.conf import Positional, arg

from neurfield.cli.console import next_commands, say, table
from neurfield.cli.methods import Plugins
from neurfield.errors import UserError
from neurfield.parts import (
    SLOTS,
    Setting,
    Shelf,
    load_config,
    methods,
    said_by_methods,
    settings_of,
    settings_of_part,
    what_it_fits,
    whole_shelf,
)
from neurfield.parts.groups import PRESETS
from neurfield.parts.yaml_text import write_value
from neurfield.wording import suggest

USUAL = ("neus", "shape", "hash")  # of each thing that is fitted, the method whose numbers are shown
NOBODY = "no method"
ALONE = "of any method"  # the table of what stands in no group
ByPreset = dict[str, dict[str, Setting]]  # settings by key, under each preset
FLAGS = {"surface": "--scene room0", "shape": "--shape bunny.ply", "picture": "--image photo.png"}


def settings(
    group: Annotated[Positional[str | None], arg(metavar="GROUP|KEY", help_behavior_hint="")] = None,
    method: Annotated[
        str | None, arg(metavar="NAME|FILE", help_behavior_hint="(default: neus, shape or hash)")
    ] = None,
    plugins: Plugins = (),
) -> None:
    """Show the numbers of a method: a table for each group, those of one group or part, or one in full.

    Args:
        group: a group (train), a slot (losses), a part (losses.color), or a number (train.steps); none: all.
        method: whose numbers; as they are under each of its presets quick, default and best.
        plugins: a module or file that brings parts; may be given several times.
    """
    shelf = whole_shelf(plugins)
    name, by_preset = _chosen(group, method, plugins, shelf)
    own = by_preset["default"]
    if group in own:
        _in_full(own[str(group)], name, by_preset, shelf)
        return
    tables: dict[str, list[Setting]] = {}
    for key, one in own.items():
        if _within(key, group):
            first = key.partition(".")[0]
            place = group or (first if first != key else ALONE)
            tables.setdefault(place, []).append(one)
    for place, rows in tables.items():
        _table(place, rows, name, by_preset)
    key = next(iter(tables.values()))[0].key if group else "train.steps"
    more = [(f"neurfield parts {group}", "lists the parts that there are")] if group in SLOTS else []
    next_commands((f"neurfield settings {key}", "shows one in full, and which methods change it"), *more)


def _chosen(
    group: str | None, method: str | None, plugins: tuple[str, ...], shelf: Shelf
) -> tuple[str, ByPreset]:
    """A method that has what is asked for, and its settings under each preset.

    Of a part that no method has, those of the part by itself, of `NOBODY`.

    Raises:
        UserError: nothing is called so, with the nearest that is.
    """
    known: dict[str, None] = {}
    for name in dict.fromkeys([*USUAL, *methods()]) if method is None else (method,):
        found = settings_of(load_config(name, plugins=plugins))
        if any(_within(key, group) for key in found):
            return name, {p: settings_of(load_config(name, p, plugins=plugins)) for p in PRESETS}
        known |= dict.fromkeys(found)
    for slot in SLOTS:
        for entry in shelf.entries[slot].values():
            others = settings_of_part(entry)
            if any(_within(key, group) for key in others):
                return NOBODY, dict.fromkeys(PRESETS, others)
            known |= dict.fromkeys(others)
    if group in SLOTS:
        raise UserError(f"'{group}' has no numbers here: `neurfield parts {group}` lists its parts")
    places = dict.fromkeys(key.rsplit(".", dots)[0] for dots in (0, 1, 2) for key in known)
    raise UserError(
        f"no setting is called '{group}'{suggest(str(group), places)}; `neurfield settings` lists them"
    )


def _within(key: str, group: str | None) -> bool:
    return group is None or key == group or key.startswith(f"{group}.")


def _table(place: str, rows: list[Setting], method: str, by_preset: ByPreset) -> None:
    cells = [
        (
            one.key.removeprefix(f"{place}."), one.number.words(), _text(one.number.default),
            _said(one, by_preset), one.number.explanation,
        )
        for one in rows
    ]  # fmt: skip
    words = f": {SLOTS[place].about}" if place in SLOTS else ""
    table(f"{place}{words}", ("key", "allowed", "default", f"in {method}", "what it means"), cells)


def _said(one: Setting, by_preset: ByPreset) -> str:
    """What a method says of a number, where that is not its default, and what its presets change."""
    quick, usual, best = (by_preset[preset].get(one.key, one).value for preset in PRESETS)
    said = [] if usual == one.number.default else [_text(usual)]
    said += [f"{name} {_text(value)}" for name, value in (("quick", quick), ("best", best)) if value != usual]
    return ", ".join(said)


def _in_full(one: Setting, method: str, by_preset: ByPreset, shelf: Shelf) -> None:
    say(f"{one.key}: {one.number.explanation}")
    rows = [
        ("allowed", one.number.words()),
        ("default", _text(one.number.default)),
        (f"in {method}", _said(one, by_preset) or "the same"),
    ]
    table("", ("", ""), rows)
    said = said_by_methods(one.key, shelf)
    if said:
        lines = [(name, *(_text(values.get(preset)) for preset in PRESETS)) for name, values in said.items()]
        table("methods that change it, by preset", ("method", *PRESETS), lines)
    if method == NOBODY:
        slot = one.key.partition(".")[0]
        next_commands((f"neurfield parts {slot}", "lists the parts of which this is one"))
        return
    value = "..." if one.value is None else write_value(one.value)
    flags = f"{FLAGS[what_it_fits(method)]} --method {method}"
    next_commands((f"neurfield fit {flags} --set {shlex.quote(f'{one.key}={value}')}", "sets it"))


def _text(value: Any) -> str:
    return "must be given" if value is None else write_value(value)
