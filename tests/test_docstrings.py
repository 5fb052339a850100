"""Docstrings as `help()` shows them: an argument a line, sentences and shapes in one piece."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FILES = [path for path in (ROOT / "neurfield").rglob("*.py") if "viewer" not in path.parts]
PARTS = sorted({path.relative_to(ROOT / "neurfield").parts[0].removesuffix(".py") for path in FILES})
SECTIONS = ("Args:", "Attributes:", "Example:", "Raises:", "Returns:", "Yields:")
WIDTH, SPARE = 110, 6
WANTS_NUMBER = re.compile(r"(?:\b(?:equation|figure|section)|[=+*/<>^])$")
ABBREVIATION = re.compile(r"\b(?:Alg|al|Ch|e\.g|Eqs?|Figs?|i\.e|No|pp?|Secs?|Tab|vs)\.$")
ENDS = re.compile(r"[.:;?]$")
STARTS = re.compile(r"- |(?:\*{0,2}\w+(?:, \*{0,2}\w+)*):(?: |$)")  # of a list or of a section
ENTRY = re.compile(r"(\*{0,2}\w+(?:, \*{0,2}\w+)*):(?: |$)")

Node = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def documented(part: str) -> Iterator[tuple[str, Node, list[str]]]:
    """(where, definition, lines) of every docstring of a package with its folders, or of a module."""
    folder = ROOT / "neurfield" / part
    for path in sorted(folder.rglob("*.py")) if folder.is_dir() else [folder.with_suffix(".py")]:
        tree = ast.parse(path.read_text())
        inherit(tree)
        for node in ast.walk(tree):
            if isinstance(node, Node) and (text := ast.get_docstring(node, clean=False)):
                name = getattr(node, "name", "the module")
                yield f"{path.relative_to(ROOT)}: {name}", node, inspect.cleandoc(text).splitlines()


def inherit(tree: ast.Module) -> None:
    """Give classes without an `__init__` that of their base, where this stands in the same file."""
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    for node in classes.values():  # bases come first
        names = [base.id for base in node.bases if isinstance(base, ast.Name) and base.id in classes]
        if names and "__init__" not in {getattr(s, "name", "") for s in node.body}:
            node.body += [s for s in classes[names[0]].body if getattr(s, "name", "") == "__init__"]


def parameters(node: Node) -> set[str]:
    """What a definition takes: arguments; of a class its fields, and what its `__init__` takes."""
    if isinstance(node, ast.ClassDef):
        fields = {
            s.target.id for s in node.body if isinstance(s, ast.AnnAssign) and isinstance(s.target, ast.Name)
        }
        makers = [s for s in node.body if isinstance(s, ast.FunctionDef) and s.name == "__init__"]
        return fields.union(*(parameters(maker) for maker in makers))
    if isinstance(node, ast.Module):
        return set()
    every = [
        *node.args.posonlyargs,
        *node.args.args,
        *node.args.kwonlyargs,
        node.args.vararg,
        node.args.kwarg,
    ]
    return {argument.arg for argument in every if argument} - {"self", "cls"}


def prose(lines: list[str]) -> Iterator[tuple[int, str]]:
    """The numbered lines that are neither examples, nor of a block that begins indented: formulas, tables."""
    example = drawn = False
    for number, line in enumerate(lines):
        example = line.lstrip().startswith(">>>") or (example and bool(line.strip()))
        drawn = bool(line.strip()) and (drawn or (not lines[number - 1].strip() and line.startswith("    ")))
        if not (example or drawn):
            yield number, line


def arguments_faults(lines: list[str], known: set[str]) -> Iterator[str]:
    """What is wrong with the section of arguments."""
    if "Args:" not in lines:
        return
    begin = lines.index("Args:") + 1
    seen: set[str] = set()
    for line in lines[begin:]:
        if not line.strip() or not line.startswith(" "):
            break
        text, indent = line.strip(), len(line) - len(line.lstrip())
        entry = ENTRY.match(text)
        if indent == 4:
            if entry is None:
                yield f"neither an argument nor indented as the rest of one: {text}"
                continue
            names = {name.lstrip("*") for name in entry[1].split(", ")}
            if names - known:
                yield f"no such argument: {', '.join(sorted(names - known))}"
            if names & seen:
                yield f"told twice: {', '.join(sorted(names & seen))}"
            seen |= names
            text = text[entry.end() :]
        elif indent < 8:
            yield f"neither 4 nor 8 or more spaces: {text}"
        # Another argument behind the first, or at the head of a line that belongs to the first.
        for name in known:
            if re.search(rf"(?:^|[.;,] ){re.escape(name)}(?:, \w+)*: ", text):
                yield f"'{name}' stands in another's line: {text}"


def table_faults(lines: list[str], known: set[str]) -> Iterator[str]:
    """Arguments or fields that begin in the middle of a line: a table that ran together."""
    some = "|".join(sorted(map(re.escape, known), key=len, reverse=True))
    # "name: ..." or "name [shape] ...", of one name or of several.
    entry = re.compile(rf"[.;] (?:{some})(?:, (?:{some}))*(?:: |:$| \[)")
    for line in lines:
        if known and entry.search(line):
            yield f"a table ran together: {line.strip()}"


def faults(node: Node, lines: list[str]) -> Iterator[str]:
    """What a reader of `help()` would stumble over."""
    if not lines[0].endswith((".", ":", "?")):
        yield f"the first line is no sentence: {lines[0]}"
    for number, line in prose(lines):
        follows = lines[number + 1].strip() if number + 1 < len(lines) else ""
        if ABBREVIATION.search(line) and follows:
            yield f"a sentence is cut at its abbreviation: {line.strip()}"
        if WANTS_NUMBER.search(line) and re.match(r"\d", follows):
            yield f"a number is cut off: {line.strip()} / {follows}"
        whole = re.sub(r"\[[^][()]*\)|\([^][()]*\]", "", line)  # half-open intervals
        if whole.count("[") != whole.count("]"):
            yield f"a shape is cut: {line.strip()}"
        if line.count("`") % 2:
            yield f"code is cut: {line.strip()}"
        if len(line) - len(line.lstrip()) not in (0, 2, 4, 6, 8, 10, 12):
            yield f"indentation: {line}"
        if line.strip() in SECTIONS and (line.startswith(" ") or (number and lines[number - 1].strip())):
            yield f"a section without its own paragraph: {line.strip()}"
        if follows and not ENDS.search(line) and not STARTS.match(follows) and line.strip():
            used = (0 if isinstance(node, ast.Module) else node.col_offset + 4) + len(line)
            if used + 1 + len(follows.split()[0]) <= WIDTH - SPARE:
                yield f"a line breaks early: {line.strip()} / {follows}"
    yield from arguments_faults(lines, parameters(node))
    yield from table_faults(lines, parameters(node))


@pytest.mark.parametrize("part", PARTS)
def test_docstrings_are_whole(part: str) -> None:
    found = [f"{where}: {fault}" for where, node, lines in documented(part) for fault in faults(node, lines)]
    assert not found, "\n".join(found)


DAMAGED = {
    "cut at its abbreviation": "Opacity [S] (Wang et al. 2021, Eq.\n13).",
    "the first line is no sentence": "Opacity [S] of sections\nknown at their midpoints.",
    "'b' stands in another's line": "Do.\n\nArgs:\n    a: [S]. b: [S].",
    "nor indented as the rest": "Do.\n\nArgs:\n    a: one number,\n    or two.",
    "no such argument": "Do.\n\nArgs:\n    c: [S].",
    "told twice": "Do.\n\nArgs:\n    a: [S].\n    b, a: [S].",
    "a shape is cut": "Do it.\n\nWith weights [N,\n2] of points.",
    "code is cut": "Do it.\n\nWith `a =\nb` in mind.",
    "breaks early": "Do it.\n\nWhere it has to be done and\nnowhere else.",
    "a section without": "Do it.\nArgs:\n    a: [S].",
    "a number is cut off": "Do it.\n\nWith a constant K2 =\n0.03 in it.",
    "a table ran together": "Do it.\n\na [S] float64; b [S] of the same.",
}


@pytest.mark.parametrize("fault", DAMAGED)
def test_damage_is_noticed(fault: str) -> None:
    node = ast.parse("def do(a, b): ...").body[0]
    assert isinstance(node, ast.FunctionDef)
    assert fault in "\n".join(faults(node, DAMAGED[fault].splitlines()))
