"""Who watches a fit: a window or a page, while its steps go on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from neurfield.cli.console import say
from neurfield.errors import UserError

if TYPE_CHECKING:
    from neurfield.fitting.observer import Observer


@contextmanager
def watched(view: bool, web: bool, port: int | None) -> Iterator[Observer | None]:
    """What shows a fit while it goes on, closed at its end; None: nobody asked for it.

    Args:
        view: in a window.
        web: on a page.
        port: of the page.

    Raises:
        UserError: both are asked for, there is no display or the port cannot be had, or what shows it is
            missing.
    """
    if view and web:
        raise UserError("fit: --view and --web stand side by side: give one of them")
    if port is not None and not web:
        raise UserError("--port goes with --web: add that, or leave it out")
    if not (view or web):
        yield None
        return
    if view:
        from neurfield.viewer.live_window import LiveWindow

        window = LiveWindow(say)
        try:
            yield window.observer
        finally:
            window.close()
        return
    from neurfield.viewer.web.live import LivePage

    page = LivePage(port, say)
    try:
        say(*page.words)
        yield page.observer
    finally:
        page.close()
