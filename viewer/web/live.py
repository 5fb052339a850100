"""`neurfield fit --web`: a page on which the surface of a fit forms."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from neurfield.fitting.observer import Glimpse, Observer
from neurfield.viewer.live import live_content, triangles_of_glimpse, words_of
from neurfield.viewer.web.newest import Newest
from neurfield.viewer.web.page import Page
from neurfield.viewer.web.server import LOOPBACK, close, open_server, words

_LAST = 3.0  # seconds at most until the last glimpse is made ready
_SENT = 0.3  # and sent


class LivePage:
    """A page of a fit, in threads of its own: tabs come and go, and the fit takes no notice.

    Args:
        port: that is asked for; None: the next that is free.
        tell: is given a line if the page cannot be kept up.
        host: the interface.

    Raises:
        UserError: as `open_server`.

    Attributes:
        observer: for the fit.
    """

    def __init__(
        self, port: int | None = None, tell: Callable[[str], None] = print, host: str = LOOPBACK
    ) -> None:
        self._tell, self._told = tell, False
        self._server: Any = open_server(port, host)
        self._waiting: Any = self._server.gui.add_markdown("The fit has not begun yet.")
        self._page: Page | None = None
        self._worker = Newest(self._failed)
        self.observer = Observer(self.show, tell)

    @property
    def words(self) -> list[str]:
        """Lines that say where the page is."""
        return words(self._server)

    def show(self, glimpse: Glimpse) -> None:
        """Put a glimpse on the page soon; waits for nothing."""
        self._worker.ask(partial(self._show, glimpse))

    def close(self) -> None:
        """End the page, once it shows the last glimpse; tabs keep that."""
        self._worker.stop(wait=_LAST)
        try:
            self._server.flush()
            time.sleep(_SENT)
            close(self._server)
        except Exception as error:
            self._failed(error)

    def _show(self, glimpse: Glimpse) -> None:
        if self._page is None:
            surface = self.observer.surface
            if surface is None:
                return
            self._waiting.remove()
            self._page = Page(self._server, live_content(surface.folder.name, surface, self.observer.scene))
        self._page.replace(triangles_of_glimpse(glimpse, self._page.content.origin))
        self._page.say(words_of(glimpse))

    def _failed(self, error: Exception) -> None:
        if not self._told:
            self._told = True
            self._tell(f"the page is not kept up ({type(error).__name__}: {error}); the fit goes on")
