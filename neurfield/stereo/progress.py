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


@contextmanager
def moving_bar() -> Iterator[Bar]:
    """A bar with the time that is left of each stage, for a terminal alone: a log gets nothing of it."""
    with hushed(_quiet.get() or not sys.stderr.isatty()), Bar(remaining=True) as bar:
        yield bar


class Bar:
    """What is being done, and how far it is: a line that moves on a terminal, one line a stage elsewhere.

    Args:
        remaining: whether the time that is left is told, too: for stages whose parts go on evenly, each from
            0 to 1. A stage that has told no part above 0 shows that it goes on, and not how far.
    """

    def __init__(self, remaining: bool = False) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            Progress,
            TaskProgressColumn,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )

        self._console = Console(file=sys.stderr, quiet=_quiet.get())
        self._remaining = remaining
        done = [TaskProgressColumn()] if remaining else []
        left = [TextColumn("left:"), TimeRemainingColumn()] if remaining else []
        self._bar = Progress(
            TextColumn("{task.description}"), BarColumn(), *done, TimeElapsedColumn(), *left,
            console=self._console, disable=not self._console.is_terminal,
        )  # fmt: skip
        self._row = self._bar.add_task("", total=1.0)
        self._said = ""

    def __call__(self, words: str, part: float) -> None:
        if self._remaining and words != self._said:
            self._bar.reset(self._row, description=words)  # the clock of a stage is its own
        if self._remaining:
            self._bar.tasks[0].total = 1.0 if part > 0.0 else None
        self._bar.update(self._row, description=words, completed=part)
        self._bar.start()  # not before there is something to say; once
        if words != self._said and not self._console.is_terminal:
            self._console.print(words, highlight=False)
        self._said = words

    def tell(self, line: str) -> None:
        """Print a line as it is, above the bar."""
        running = self._bar.live.is_started
        self._bar.stop()
        print(line, flush=True)
        if running:
            self._bar.start()

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.stop()
