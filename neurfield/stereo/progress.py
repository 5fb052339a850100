"""How far a matching is, for people."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_quiet: ContextVar[bool] = ContextVar("quiet", default=False)


@contextmanager
def hushed(quiet: bool = True) -> Iterator[None]:
    """Bars say nothing within, for who matches pictures on behalf of somebody that wants nothing printed."""
    before = _quiet.set(quiet)
    try:
        yield
    finally:
        _quiet.reset(before)


class Bar:
    """What is being done, and how far it is: a line that moves on a terminal, one line a stage elsewhere."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        self._console = Console(file=sys.stderr, quiet=_quiet.get())
        self._bar = Progress(
            TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(),
            console=self._console, disable=not self._console.is_terminal,
        )  # fmt: skip
        self._row = self._bar.add_task("", total=1.0)
        self._said = ""

    def __call__(self, words: str, part: float) -> None:
        self._bar.update(self._row, description=words, completed=part)
        if words != self._said and not self._console.is_terminal:
            self._console.print(words, highlight=False)
        self._said = words

    def __enter__(self) -> Bar:
        self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.stop()
