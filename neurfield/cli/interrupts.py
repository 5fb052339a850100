"""Ctrl-C while modules are imported is kept until they are.

Libraries that make do without another (`try: import ...; except BaseException: ...`, trimesh in 46 places)
would swallow it there, and believe that the other is not installed: the command would go on to its end.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_IMPORT = "<frozen importlib._bootstrap>"
_APART = 0.05  # seconds between two looks whether the import has ended
_LONGEST = 20.0  # seconds: one that takes longer is interrupted in its middle


@contextmanager
def kept_while_importing() -> Iterator[None]:
    """Ctrl-C waits for the end of an import; a second one does not.

    Nothing changes where another handler is there, or in another thread than the main one.
    """
    usual = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if not usual or threading.current_thread() is not threading.main_thread():
        yield
        return
    pressed: list[float] = []
    heard: list[bool] = []

    def press(number: int, frame: FrameType | None) -> None:
        if pressed or not _importing(frame):
            heard.append(True)
            raise KeyboardInterrupt
        pressed.append(time.monotonic())
        signal.setitimer(signal.ITIMER_REAL, _APART)

    def look(number: int, frame: FrameType | None) -> None:
        if _importing(frame) and time.monotonic() - pressed[0] < _LONGEST:
            signal.setitimer(signal.ITIMER_REAL, _APART)
            return
        heard.append(True)
        now = signal.getsignal(signal.SIGINT)
        if now is press or not callable(now):
            raise KeyboardInterrupt
        now(signal.SIGINT, frame)  # a fit's, which ends its step first

    before = signal.signal(signal.SIGALRM, look)
    signal.signal(signal.SIGINT, press)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        if pressed and not heard:  # what it would have interrupted ended first
            raise KeyboardInterrupt


def _importing(frame: FrameType | None) -> bool:
    """Whether a module is being imported beneath a frame."""
    while frame is not None:
        if frame.f_code.co_filename == _IMPORT:
            return True
        frame = frame.f_back
    return False
