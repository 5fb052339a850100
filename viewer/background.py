"""Work beside the window: the newest of each kind, one after another, so that a slider can be dragged."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any


class Background:
    """A thread that does what is asked of it; of several of a kind that wait, only the newest.

    Args:
        deliver: runs a function on the thread that owns the window.
        fail: is told there what went wrong.
    """

    def __init__(
        self, deliver: Callable[[Callable[[], None]], None], fail: Callable[[Exception], None]
    ) -> None:
        self._deliver, self._fail = deliver, fail
        self._waiting: dict[str, tuple[Callable[[], Any], Callable[[Any], None]]] = {}
        self._condition, self._ended, self._busy = threading.Condition(), False, False
        threading.Thread(target=self._run, daemon=True).start()

    def ask(self, kind: str, work: Callable[[], Any], done: Callable[[Any], None]) -> None:
        """Do some work; what comes of it is handed to `done` on the window's thread."""
        with self._condition:
            self._waiting.pop(kind, None)
            self._waiting[kind] = (work, done)
            self._condition.notify()

    @property
    def idle(self) -> bool:
        """Whether nothing is left to be done."""
        with self._condition:
            return not (self._waiting or self._busy)

    def end(self) -> None:
        """Begin nothing new."""
        with self._condition:
            self._ended = True
            self._condition.notify()

    def _run(self) -> None:
        while True:
            with self._condition:
                self._busy = False
                self._condition.wait_for(lambda: self._waiting or self._ended)
                if self._ended:
                    return
                kind = next(iter(self._waiting))
                work, done = self._waiting.pop(kind)
                self._busy = True
            try:
                result = work()
            except Exception as error:  # a window stays open; what it is told of is shown in it
                self._deliver(lambda error=error: self._fail(error))  # type: ignore[misc]
                continue
            self._deliver(lambda result=result, done=done: done(result))  # type: ignore[misc]
