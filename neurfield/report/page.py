"""The pieces that every report.html is made of."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from html import escape
from importlib import resources
from pathlib import Path
from typing import Any

from neurfield.files import atomic_write
from neurfield.inputs.page import Tile
from neurfield.report.meanings import MEANINGS, key_of, linked


def write_page(folder: Path, title: str, body: Sequence[str]) -> Path:
    """Write report.html of a run from its parts (those that are empty are left out); returns its path."""
    page = folder / "report.html"
    with atomic_write(page) as temporary:
        temporary.write_text(_page(title, "\n".join(part for part in body if part)), encoding="utf-8")
    return page


def _page(title: str, body: str) -> str:
    # The icon is none, or a browser would look for one beside the file.
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<link rel="icon" href="data:,"><title>{escape(title)}</title>\n'
        f"<style>\n{asset('style.css')}</style></head>\n"
        f"<body><main>\n{body}\n</main>\n<script>\n{asset('page.js')}</script></body></html>\n"
    )


@cache
def asset(name: str) -> str:
    """A file of this package that goes into the page as it is."""
    return resources.files("neurfield.report").joinpath(name).read_text(encoding="utf-8")


def section(title: str, content: str) -> str:
    """A heading and what is under it, nothing for nothing."""
    return f"<h2>{escape(title)}</h2>\n{content}" if content else ""


def wrapped(kind: str, parts: Sequence[str]) -> str:
    """Parts in a box of a class of the style."""
    return f'<div class="{kind}">{"".join(parts)}</div>' if parts else ""


def tiles(each: Sequence[Tile]) -> str:
    """The few numbers that tell at a glance how it went, each with what it means."""
    return wrapped("tiles", [_tile(tile) for tile in each])


def _tile(tile: Tile) -> str:
    key = key_of(tile.key)
    means = f"<small>{escape(MEANINGS[key][1])}</small>" if key else ""
    return f'<div class="tile"><b>{escape(tile.value)}</b><span>{escape(tile.what)}</span>{means}</div>'


def switch(name: str, choices: Sequence[tuple[str, str, str]]) -> str:
    """Some choices of which one holds, the first at first: (value, words, attributes of its input)."""
    labels = [
        f'<label><input type="radio" name="{name}" value="{escape(value)}"{" checked" if k == 0 else ""}'
        f"{more}>{escape(words)}</label>"
        for k, (value, words, more) in enumerate(choices)
    ]
    return f'<div class="switch" role="radiogroup">{"".join(labels)}</div>'


def folded(title: str, text: str) -> str:
    """Text that opens when it is clicked on."""
    return f"<details><summary>{escape(title)}</summary><pre>{escape(text)}</pre></details>"


def table(title: str, rows: Sequence[tuple[str, str, str]]) -> str:
    """Rows of a key of metrics.json, its name and its value."""
    cells = "".join(
        f"<tr><td>{linked(name, key_of(key))}</td><td>{escape(value)}</td></tr>" for key, name, value in rows
    )
    return f'<div class="card"><table><caption>{escape(title)}</caption>{cells}</table></div>'


def wide_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table with a heading above each column; nothing for no rows."""
    if not rows:
        return ""
    head = "".join(f"<th>{escape(heading)}</th>" for heading in headings)
    cells = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f'<div class="card"><table><tr>{head}</tr>{cells}</table></div>'


def read_metrics(path: Path) -> dict[str, Any]:
    """The groups of metrics.json, or none if it is not there or not whole."""
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return {key: group for key, group in content.items() if isinstance(group, dict)}
