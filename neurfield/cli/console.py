"""How verbs speak: plain lines, tables, and the next command to type."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trimesh import Trimesh

_ENDLESS = 100_000  # columns


def say(*lines: str) -> None:
    """Print lines as they are, however long: paths stay in one piece."""
    for line in lines:
        print(line, flush=True)


def complain(line: str) -> None:
    """Tell on standard error, in one line, what went wrong."""
    print(f"neurfield: {' '.join(line.split())}", file=sys.stderr)


def table(title: str, headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table; headings that are all empty are left out."""
    from rich import box
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Column, Table

    headed = any(headings)
    style = box.SIMPLE_HEAD if headed else None
    drawn = Table(
        # Nothing is cut: long words are broken, names are not.
        *(Column(h, overflow="fold", no_wrap=headed and not i) for i, h in enumerate(headings)),
        title=title,
        title_justify="left",
        box=style,
        show_header=headed,
        pad_edge=False,
        padding=(0, 2),
    )
    for row in rows:
        drawn.add_row(*(escape(cell) for cell in row))
    if sys.stdout.isatty() or "COLUMNS" in os.environ:
        Console().print("", drawn)
        return
    console = Console(width=_ENDLESS)  # a file or another program gets a row a line, however long
    with console.capture() as lines:
        console.print("", drawn)
    say(*(line.rstrip() for line in lines.get().splitlines()))


def print_numbers(metrics: dict[str, Any]) -> None:
    """Print what metrics.json holds, in words and units."""
    from neurfield.report import numbers_in_words

    for title, rows in numbers_in_words(metrics):
        table(title, ("", ""), rows)


def print_objects(metrics: dict[str, Any], of: str = "objects") -> None:
    """Print the numbers of each object (or "labels") that metrics.json holds."""
    from neurfield.report import objects_in_words

    headings, rows = objects_in_words(metrics, of)
    if rows:
        table(f"Each {of.removesuffix('s')}", headings, rows)


def next_commands(*commands: tuple[str, str]) -> None:
    """Print what to type next: pairs of a command and what it does."""
    width = max(len(command) for command, _ in commands)
    say("", "next:", *(f"  {command:<{width}}   {does}" for command, does in commands))


def size_of(path: Path) -> str:
    """A file's size in words, such as 12.3 MB."""
    return f"{path.stat().st_size / 1e6:.1f} MB"


def say_quality(mesh: Trimesh) -> None:
    """Tell what was cleaned up, and how the mesh hangs together."""
    from neurfield.surfaces import Manifoldness, manifoldness

    counted = mesh.metadata.get("manifold")
    manifold = Manifoldness(**counted) if counted else manifoldness(mesh)
    say(*(f"         {line}" for line in mesh.metadata.get("clean_up", ())), f"         {manifold.words}")
