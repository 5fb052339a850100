"""What is told to be typed next can be typed: paths with spaces are in quotes."""

from __future__ import annotations

import ast
import re
import shlex
from pathlib import Path

import pytest

from neurfield.wording import quoted

PACKAGE = Path(__file__).resolve().parents[2] / "neurfield"
COMMAND = re.compile(r"neurfield (?:view|mesh|eval|fit|scene)\b[^`]*$")
# Numbers, words, and what is quoted where it is made.
NO_PATHS = {"more", "finer", "flags", "name", "verb", "examples", "_BOX"}
QUOTED = ("quoted(", "shlex.quote(")


def bare_paths(tree: ast.AST) -> list[str]:
    """Values of f-strings that stand in a command without quotes."""
    found = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.JoinedStr):
            continue
        before = ""
        for part in node.values:
            if isinstance(part, ast.Constant):
                before += str(part.value)
                continue
            assert isinstance(part, ast.FormattedValue)
            words = ast.unparse(part.value)
            if COMMAND.search(before) and not words.startswith(QUOTED):
                found.append(words)
            before += "x"
    return found


def test_commands_quote_their_paths() -> None:
    wrong = {
        f"{path.relative_to(PACKAGE)}: {words}"
        for path in PACKAGE.rglob("*.py")
        for words in bare_paths(ast.parse(path.read_text()))
        if words not in NO_PATHS
    }
    assert not wrong


@pytest.mark.parametrize("path", ["runs/room0", "my room/a (1)", "it's", ""])
def test_a_quoted_path_is_one_word(path: str) -> None:
    assert shlex.split(f"neurfield view {quoted(path)}")[2:] == [path]
    assert quoted("runs/room0") == "runs/room0"
