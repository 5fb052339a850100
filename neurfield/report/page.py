"""The pieces that every report.html is made of."""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from neurfield.files import atomic_write
from neurfield.report.style import STYLE


def write_page(folder: Path, title: str, body: Sequence[str]) -> Path:
    """Write report.html of a run from its parts (those that are empty are left out); returns its path."""
    page = folder / "report.html"
    with atomic_write(page) as temporary:
        temporary.write_text(_page(title, "\n".join(part for part in body if part)), encoding="utf-8")
    return page


def _page(title: str, body: str) -> str:
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title>\n<style>\n{STYLE}\n</style></head>\n"
        f"<body><main>\n{body}\n</main></body></html>\n"
    )


def section(title: str, content: str) -> str:
    """A heading and what is under it, nothing for nothing."""
    return f"<h2>{escape(title)}</h2>\n{content}" if content else ""


def wrapped(kind: str, parts: Sequence[str]) -> str:
    """Parts in a box of a class of the style."""
    return f'<div class="{kind}">{"".join(parts)}</div>' if parts else ""


def tiles(pairs: Sequence[tuple[str, str]]) -> str:
    """The few numbers that tell at a glance how it went: (value, what it is)."""
    return wrapped(
        "tiles",
        [
            f'<div class="tile"><b>{escape(value)}</b><span>{escape(what)}</span></div>'
            for value, what in pairs
        ],
    )


def picture(path: Path) -> np.ndarray:
    """An image file as uint8 [H,W,3]."""
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def folded(title: str, text: str) -> str:
    """Text that opens when it is clicked on."""
    return f"<details><summary>{escape(title)}</summary><pre>{escape(text)}</pre></details>"


def table(title: str, rows: Sequence[tuple[str, str]]) -> str:
    """Pairs of a name and a value."""
    cells = "".join(f"<tr><td>{escape(name)}</td><td>{escape(value)}</td></tr>" for name, value in rows)
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
