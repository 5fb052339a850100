"""Work that sliders ask for: only the newest wish is done, by one thread."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Newest:
    """A thread that does the newest job it was given; those that it did not come to are dropped.

    Args:
        failed: is told what a job raised.
    """

    def __init__(self, failed: Callable[[Exception], None]) -> None:
        self._failed = failed
        self._wish: Callable[[], None] | None = None
        self._changed = threading.Condition()
        self._ended = False
        self._thread = threading.Thread(target=self._work, name="neurfield-page", daemon=True)
        self._thread.start()

    def ask(self, job: Callable[[], None]) -> None:
        """Do a job soon, in place of one that waits."""
        with self._changed:
            self._wish = job
            self._changed.notify_all()

    def undisturbed(self, seconds: float) -> bool:
        """Within a job: whether no newer one comes within so many seconds."""
        with self._changed:
            return not self._changed.wait_for(lambda: self._wish is not None or self._ended, seconds)

    def stop(self, wait: float = 0.0) -> None:
        """End the thread once the job that waits is done.

        Args:
            wait: seconds at most until it has ended.
        """
        with self._changed:
            self._ended = True
            self._changed.notify_all()
        if wait:
            self._thread.join(wait)

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._wish is not None or self._ended)
                job, self._wish = self._wish, None
            if job is None:
                return
            try:
                job()
            except Exception as error:
                self._failed(error)
