"""Pages of the site that are made of the package: settings, parts, methods, and what each package shows."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path
from typing import Any

from neurfield.parts import (
    SLOTS,
    Declared,
    Entry,
    Setting,
    about,
    load_config,
    needs_of,
    settings_of,
    settings_of_part,
    summary,
    whole_shelf,
)
from neurfield.parts import methods as known_methods
from neurfield.parts.groups import PRESETS
from neurfield.parts.yaml_text import write_value

ROOT = Path(__file__).resolve().parents[1]
SHOWN = ("evaluation", "scenes")  # without a stub: what their `__init__.py` imports
FIRST = ("begin.fit", "begin.fit_image", "begin.resume", "run.Run")  # what `neurfield` itself shows
KINDS = {
    "surface": "Rooms and objects",
    "shape": "Meshes and clouds",
    "slices": "Slices",
    "picture": "Pictures",
}
USUAL = {"surface": "neus", "shape": "shape", "slices": "slices", "picture": "hash"}
COMMANDS = {
    "surface": "--scene room0",
    "shape": "--shape bunny.ply",
    "slices": "--slices hand.csl",
    "picture": "--image photo.png",
}

ABOUT_SETTINGS = """\
# Settings

Every number of a fit that belongs to no part. `--set train.steps=500` changes one. `neurfield settings`
prints these tables, `neurfield settings train.steps` one number in full, with the methods that change
it. Numbers of losses, fields, samplers and all other parts stand with [all parts](parts-table.md). A
run's `config.yaml` has every one of them, so no run depends on a default that may change.

`--preset quick`, `default` or `best` says how long and how fine; where presets differ, the last column
says so."""

ABOUT_PARTS = """\
# All parts

A method is made of parts, each in a slot. `neurfield parts` lists them, `neurfield parts losses.color`
shows the numbers of one. `--set losses.color.weight=2` changes a number, `--set losses.mask=off` takes a
part away, `--set passes.surface=volsdf` puts another in its place. [Parts, presets, plug-ins](parts.md)
says how they work together, [add a part](add-a-part.md) how to write one."""

ABOUT_METHODS = """\
# All methods

Each is a short file in `configs/methods`. `neurfield methods neus` shows all parts and numbers of one in
the form of such a file; a file of your own is used by its path: `neurfield fit --scene room0 --method
mine.yaml`."""


def settings() -> str:
    """The numbers that every method has, by what is fitted, and who changes them."""
    lines = [ABOUT_SETTINGS]
    seen: set[str] = set()
    for kind, title in KINDS.items():
        own = _usual(kind)
        command = f"`neurfield fit {COMMANDS[kind]}`"
        lines += ["", f"## {title}", "", f"As they are in `{own}`, the usual method of {command}."]
        groups: dict[str, list[Setting]] = {}
        for one in _settings(own, "default").values():
            if not one.of:
                groups.setdefault(one.key.partition(".")[0] if "." in one.key else "", []).append(one)
        for group, rows in groups.items():
            if group or not seen:
                head = f"### `{group}` of {title.lower()}" if group else "### Of any method"
                lines += ["", head, "", f"| key | allowed | default | what it means | in {own} |"]
                lines += ["|---|---|---|---|---|", *(_setting(one, own) for one in rows)]
        seen |= set(groups)
    return "\n".join([*lines, ""])


def parts() -> str:
    """Every part of the shelf, with what it looks at, its numbers and the methods that have it."""
    users: dict[str, list[str]] = {}
    for method in known_methods():
        for slot, chosen in load_config(method).parts.items():
            for part in chosen.values():
                names = users.setdefault(f"{slot}.{part.name}", [])
                names += [method] if method not in names else []
    lines = [ABOUT_PARTS]
    for slot, entries in whole_shelf().entries.items():
        several = "several, weighted" if SLOTS[slot].weighted else "several" if SLOTS[slot].many else "one"
        lines += [
            "",
            f"## `{slot}`",
            "",
            f"{SLOTS[slot].about[:1].upper()}{SLOTS[slot].about[1:]} ({several}).",
        ]
        for entry in entries.values():
            lines += ["", f"### `{entry.key}`", "", _sentence(summary(entry.load()))]
            lines += _looks_at(entry)
            if entry.key in users:
                lines += ["", "In " + ", ".join(f"`{name}`" for name in users[entry.key]) + "."]
            rows = settings_of_part(entry)
            if rows:
                lines += ["", "| number | allowed | default | what it means |", "|---|---|---|---|"]
                lines += [_number(key.removeprefix(f"{entry.key}."), one.number) for key, one in rows.items()]
    return "\n".join([*lines, ""])


def methods() -> str:
    """The methods by what they fit, with steps of each preset and their parts."""
    lines = [ABOUT_METHODS]
    for kind, title in KINDS.items():
        lines += [
            "",
            f"## {title}",
            "",
            "| method | what it is | steps: quick, default, best |",
            "|---|---|---|",
        ]
        for name in known_methods(kind):
            steps = ", ".join(str(_settings(name, preset)["train.steps"].value) for preset in PRESETS)
            link = f"[`{name}`](methods.md#{name.replace('+', '')})" if kind != "picture" else f"`{name}`"
            lines.append(f"| {link} | {_cell(about(name))} | {steps} |")
        lines += ["", f"Their parts, slot by slot; `{_usual(kind)}` is the usual one.", ""]
        for name in known_methods(kind):
            chosen = load_config(name).parts
            text = "; ".join(
                f"{slot}: " + ", ".join(_name(label, part.name) for label, part in of_slot.items())
                for slot, of_slot in chosen.items()
                if of_slot
            )
            lines += [f"- `{name}`: {text}"]
    return "\n".join([*lines, ""])


@cache
def packages() -> tuple[str, ...]:
    """The packages that the API shows, `neurfield` itself first."""
    stubs = sorted(path.parent.name for path in (ROOT / "neurfield").glob("*/__init__.pyi"))
    return ("neurfield", *sorted([*stubs, *SHOWN]))


def api(package: str) -> str:
    """A page of what a package shows, in the order of its stub's modules."""
    if package == "neurfield":
        lines = [
            "# `neurfield`",
            _words(ROOT / "neurfield" / "__init__.py"),
            "| package | what it is |\n|---|---|",
        ]
        for name in packages()[1:]:
            words = _words(ROOT / "neurfield" / name / "__init__.py").split("\n\n")[0]
            lines[-1] += f"\n| [`nf.{name}`]({name}.md) | {_cell(words)} |"
        return "\n\n".join([*lines, *(f"::: neurfield.inputs.{name}" for name in FIRST), ""])
    path = ROOT / "neurfield" / package / "__init__.py"
    return "\n\n".join(
        [f"# `nf.{package}`", _words(path), *(f"::: {home}.{name}" for name, home in shown(path)), ""]
    )


def _words(init: Path) -> str:
    """What a package says of itself."""
    return ast.get_docstring(ast.parse(init.read_text(encoding="utf-8"))) or ""


def shown(init: Path) -> list[tuple[str, str]]:
    """Names that a package shows, with the modules that they live in."""
    stub = init.with_suffix(".pyi")
    text = (stub if stub.is_file() else init).read_text(encoding="utf-8")
    imports = [s for s in ast.parse(text).body if isinstance(s, ast.ImportFrom)]
    ours = [s for s in imports if str(s.module).startswith("neurfield.")]
    return [(a.name, str(s.module)) for s in ours for a in s.names if not a.name.startswith("_")]


def _setting(one: Setting, method: str) -> str:
    quick, usual, best = (_settings(method, preset)[one.key].value for preset in PRESETS)
    said = [] if usual == one.number.default else [_code(usual)]
    said += [f"{name} {_code(value)}" for name, value in (("quick", quick), ("best", best)) if value != usual]
    return _number(one.key, one.number, ", ".join(said))


def _number(key: str, number: Declared, *more: str) -> str:
    cells = (f"`{key}`", _cell(number.words()), _code(number.default), _cell(number.explanation), *more)
    return f"| {' | '.join(cells)} |"


def _looks_at(entry: Entry) -> list[str]:
    need = needs_of(entry.load())
    words = [f"Looks at {', '.join(f'`{n}`' for n in sorted(need.required))}."] if need.required else []
    words += [f"Idles without {', '.join(f'`{n}`' for n in sorted(need.optional))}."] if need.optional else []
    return ["", " ".join(words)] if words else []


def _name(label: str, name: str) -> str:
    return f"`{name}`" if label in ("", name) else f"`{name}` as `{label}`"


@cache
def _settings(method: str, preset: str) -> dict[str, Setting]:
    return settings_of(load_config(method, preset))


def _usual(kind: str) -> str:
    return USUAL[kind]


def _code(value: Any) -> str:
    return "must be given" if value is None else f"`{write_value(value)}`"


def _cell(words: str) -> str:
    return words.replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")


def _sentence(words: str) -> str:
    words = words.replace("<", "&lt;")
    return words if words.endswith(".") else f"{words[:1].upper()}{words[1:]}."
