"""`neurfield methods` and `neurfield parts`: what there is to fit with."""

from __future__ import annotations

from typing import Annotated

from tyro.conf import Positional, UseAppendAction, arg

from neurfield.cli.console import next_commands, say, table
from neurfield.parts import (
    FITTED,
    SLOTS,
    Entry,
    Shelf,
    about,
    load_config,
    needs_of,
    spelled_out,
    summary,
    whole_shelf,
)
from neurfield.parts import methods as known_methods
from neurfield.parts.draft import DECAY, WEIGHT
from neurfield.parts.yaml_text import write_text

Plugins = Annotated[
    UseAppendAction[tuple[str, ...]], arg(name="plugin", metavar="MODULE|FILE.py", help_behavior_hint="")
]


def methods(
    method: Annotated[Positional[str | None], arg(metavar="NAME|FILE", help_behavior_hint="")] = None,
    preset: Annotated[
        str, arg(metavar="quick|default|best", help_behavior_hint="(default: default)")
    ] = "default",
    plugins: Plugins = (),
) -> None:
    """List the methods, or show the parts and all numbers of one, in the form of a preset file.

    Args:
        method: a method, or a preset file of your own.
        preset: how long and how fine.
        plugins: a module or file that brings parts; may be given several times.
    """
    if method is None:
        for fits, fitted in FITTED.items():
            names = known_methods(fits)
            table(f"methods for {fitted.words}", ("name", "what it is"), [(n, about(n)) for n in names])
        names = known_methods()
        next_commands(
            (f"neurfield methods {names[0]}", "shows its parts and numbers"),
            ("neurfield parts", "lists the parts that a method may have"),
        )
        return
    config = load_config(method, preset, plugins=plugins)
    say(f"# {about(method) or config.name}", write_text(spelled_out(config)).rstrip())


def parts(
    part: Annotated[Positional[str | None], arg(metavar="SLOT|SLOT.NAME", help_behavior_hint="")] = None,
    plugins: Plugins = (),
) -> None:
    """List the parts that a method may have, by slot, or show the numbers of one.

    Args:
        part: a slot, such as losses, or a part, such as losses.color.
        plugins: a module or file that brings parts; may be given several times.
    """
    shelf = whole_shelf(plugins)
    slot, dot, name = (part or "").partition(".")
    if dot:
        _show(shelf.find(slot, name))
        return
    if part is not None:
        shelf.slot(part)
    for shown in SLOTS if part is None else [part]:
        _list(shelf, shown)
    first = next((entry.key for entry in shelf.entries[part or "field"].values()), "field.sdf")
    next_commands((f"neurfield parts {first}", "shows its numbers"))


def _list(shelf: Shelf, slot: str) -> None:
    entries = shelf.entries[slot].values()
    rows = [(entry.name, summary(entry.load()), entry.plugin) for entry in entries]
    title = f"{slot}: {SLOTS[slot].about}"
    if any(entry.plugin for entry in entries):
        table(title, ("name", "what it is", "plug-in"), rows)
    elif rows:
        table(title, ("name", "what it is"), [row[:2] for row in rows])
    else:
        say("", f"{slot}: {SLOTS[slot].about}; there is none yet")


def _show(entry: Entry) -> None:
    """A part's words, what it looks at, and its numbers."""
    need = needs_of(entry.load())
    say(f"{entry.key}: {summary(entry.load())}")
    if need.required:
        say(f"looks at {', '.join(sorted(need.required))}")
    if need.optional:
        say(f"idles without {', '.join(sorted(need.optional))}")
    numbers = {"weight": WEIGHT, "decay": DECAY} if SLOTS[entry.slot].weighted else {}
    numbers.update(entry.numbers())
    if numbers:
        rows = [(d.name, d.words(), _shown(d.default), d.explanation) for d in numbers.values()]
        table("", ("number", "type", "default", "what it means"), rows)


def _shown(default: object) -> str:
    if default is None:
        return "must be given"
    return str(default).lower() if isinstance(default, bool) else str(default)
