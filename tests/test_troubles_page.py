"""The lines that docs/troubleshooting.md quotes are lines of the program."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
QUOTED = re.findall(r"^`([^`]+)`\n:   ", PAGE, re.MULTILINE)


def lines_of_the_program() -> str:
    """Every text in the sources; what f-strings fill in is a gap."""
    found = []
    for path in [*(ROOT / "neurfield").rglob("*.py"), *(ROOT / "viewer").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.append(node.value)
            if isinstance(node, ast.JoinedStr):
                parts = [p.value if isinstance(p, ast.Constant) else "\0" for p in node.values]
                found.append("".join(str(part) for part in parts))
    return "\n".join(found)


@pytest.fixture(scope="module")
def said() -> str:
    return lines_of_the_program()


def test_there_is_a_line_for_each_kind_of_trouble() -> None:
    assert len(QUOTED) > 25
    for trouble in ("mesh is empty", "The box", "The background", "Black", "Scale", "No window", "Memory"):
        assert re.search(rf"^## .*{trouble}", PAGE, re.MULTILINE), trouble


@pytest.mark.parametrize("line", QUOTED)
def test_the_program_says_so(line: str, said: str) -> None:
    pieces = [piece.strip() for piece in line.split("…")]
    pieces = [piece for piece in pieces if len(re.findall(r"\w", piece)) > 2]
    assert pieces
    gone = [piece for piece in pieces if piece not in said]
    assert not gone
