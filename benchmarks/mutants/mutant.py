"""A broken line, and how it is told from the whole one."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Mutant:
    """One mistake that a tired programmer could make.

    Attributes:
        file: where, from the root of the checkout.
        old: a fragment that occurs there exactly once. new: what the mistake makes of it.
        why: what is wrong then, in a few words.
        tests: the paths of the tests to run, of which one has to fail.
        built: native sources that see the mistake, to be compiled; none for Python.
        equivalent: why no test can tell it from the whole line, if that is so; it counts as a survivor.
    """

    file: str
    old: str
    new: str
    why: str
    tests: tuple[str, ...]
    built: tuple[str, ...] = ()
    equivalent: str = ""

    @property
    def name(self) -> str:
        """For people."""
        return f"{self.file.removeprefix('neurfield/')}: {self.why}"

    def broken(self, root: Path = ROOT) -> str:
        """The file's text with the mistake.

        Raises:
            LookupError: the fragment is not there, or more than once; says which and where.
        """
        path = root / self.file
        text = path.read_text() if path.is_file() else ""
        found = text.count(self.old)
        if found != 1:
            there = "no such file" if not path.is_file() else f"found {found} times, not once"
            raise LookupError(f"{self.file}: {there}: {self.old!r}; mend the list in benchmarks/mutants")
        return text.replace(self.old, self.new)

    def key(self, root: Path = ROOT) -> str:
        """Changes with the mistake, the file, its native sources or its tests: results of other keys are
        stale."""
        parts = [self.old, self.new, *self.tests, *self.built]
        for name in (self.file, *self.built, *self.tests):
            parts += [part.read_text() for part in files_of(root / name.split("::")[0])]
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def of(
    file: str, tests: tuple[str, ...], *changes: tuple[str, str, str], built: tuple[str, ...] = ()
) -> list[Mutant]:
    """Some mistakes in one file: what is there, what the mistake makes of it, and what is wrong then."""
    return [Mutant(file, old, new, why, tests, built) for old, new, why in changes]


def files_of(path: Path) -> list[Path]:
    """A test file with what its folder shares, or all the Python files of a folder."""
    if path.is_dir():
        return sorted(path.rglob("*.py"))
    shared = path.parent / "conftest.py"
    return [path, shared] if shared.is_file() and path.suffix == ".py" else [path]
