"""`neurfield view --web`: a page of a content until Ctrl-C."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from neurfield.viewer.web.server import LOOPBACK, close, open_server, words

_AT_FIRST = 80_000  # triangles of a surface in the first picture: a browser waits for all that it is sent
_ALONE = 0.4  # seconds that these have for themselves


class Served:
    """A page that is there until it is closed.

    Args:
        target: a run's folder, a mesh file, or a scene, as for `content_of`.
        scene: where the run's scene lies now, if it was moved.
        port: that is asked for; None: the next that is free.
        host: the interface.
        layers: that are shown at first, as of `layer_names`; None: as the content has them.
        tell: is told where the page is as soon as it can be opened, before anything is read.

    Raises:
        UserError: viser is not there, the port cannot be had, or there is nothing to show.
    """

    def __init__(
        self,
        target: str | Path,
        scene: str | None = None,
        port: int | None = None,
        host: str = LOOPBACK,
        layers: str | None = None,
        tell: Callable[..., None] = lambda *lines: None,
    ) -> None:
        # First: a port in use is told before files are read, and a browser loads the page meanwhile.
        self.server: Any = open_server(port, host)
        try:
            tell(*self.words)
            # What follows takes seconds to load.
            from neurfield.viewer.content import content_of
            from neurfield.viewer.layers import layer_names, shown_layers
            from neurfield.viewer.session import Session
            from neurfield.viewer.web.page import Page
            from neurfield.viewer.web.tools import Tools
            from neurfield.viewer.web.traced import FieldView

            names = None if layers is None else layer_names(layers)
            content = content_of(target, scene)
            session = Session(content)
            shown = tuple(layer.name for layer in shown_layers(session.content.layers, names))
            self.page = Page(self.server, content, shown, _AT_FIRST)
            self.tools = Tools(self.page, session, sliced="slice" in shown)
            self.field = FieldView(self.page, session) if session.has_field else None
            self._finer = threading.Timer(_ALONE, self._refine)
            self._finer.daemon = True
            self._finer.start()
        except BaseException:
            close(self.server)
            raise

    @property
    def words(self) -> list[str]:
        """Lines that say where the page is."""
        return words(self.server)

    def close(self) -> None:
        """End it; who looks at it sees that it is gone."""
        self._finer.cancel()
        self.tools.stop()
        if self.field is not None:
            self.field.stop()
        close(self.server)

    def _refine(self) -> None:
        try:
            self.page.refine()
        except Exception as error:  # what was sent first stays
            self.page.complain(error)


def wait(say: Callable[..., None] = print) -> None:
    """Until Ctrl-C."""
    say("Ctrl-C ends it")
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        say("")
