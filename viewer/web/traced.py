"""The field on a page, as rays see it from where a browser looks: behind all lines that are nearer."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from neurfield.viewer.session import Session
from neurfield.viewer.tracing import Tracing, refuse_unsigned
from neurfield.viewer.web.newest import Newest
from neurfield.viewer.web.page import Page

_MOVING, _RESTING = 70, 92  # quality of JPEG
_FARTHEST = 160.0  # what a page can be told of depth
_HINT = "The field itself instead of its mesh: coarse while the view moves, all pixels when it rests."


class FieldView:
    """A switch that shows the field in the place of its surfaces, on a page.

    Args:
        page: of the session's content.
        session: whose field is traced.
    """

    def __init__(self, page: Page, session: Session) -> None:
        self.page, self.session, self.tracing = page, session, Tracing(session)
        self._worker = Newest(page.complain)
        gui = page.server.gui
        with gui.add_folder("Field"):
            self._switch = gui.add_checkbox("Traced", initial_value=False, hint=_HINT)
            self.words = gui.add_markdown("", visible=False)
        self._before: str | None = None

        @self._switch.on_update
        @page.guarded
        def _(event: Any) -> None:
            self._show(event.target.value)

        page.server.on_client_connect(self._follow)

    def stop(self) -> None:
        """End the thread that traces."""
        self._worker.stop()

    def _follow(self, client: Any) -> None:
        @client.camera.on_update
        def _(camera: Any) -> None:
            self._ask(client)

        self._ask(client)

    def _show(self, on: bool) -> None:
        page = self.page
        if on:
            try:
                refuse_unsigned(self.session)
            except Exception:
                self._switch.value = False
                raise
            self._before = page.shown_skin
        page.skin(None if on else self._before)
        self.words.visible = on
        for client in page.server.get_clients().values():
            if on:
                self._ask(client)
            else:
                self._worker.ask(partial(client.scene.set_background_image, None))

    def _ask(self, client: Any) -> None:
        if self._switch.value:
            self._worker.ask(partial(self._draw, client))

    def _draw(self, client: Any) -> None:
        camera = client.camera
        pose = np.eye(4)
        pose[:3, :3] = Rotation.from_quat(np.roll(camera.wxyz, -1)).as_matrix()
        pose[:3, 3] = camera.position
        size = max(1, int(camera.image_width)), max(1, int(camera.image_height))
        looks = self.tracing.looks(pose, float(np.degrees(camera.fov)), size, self._worker.undisturbed)
        for look in looks:
            if not self._switch.value:
                return
            quality = _RESTING if look.whole else _MOVING
            near = np.isfinite(look.depth)
            told = near.any() and look.depth[near].max() < _FARTHEST
            depth = np.minimum(look.depth, _FARTHEST) if told else None
            client.scene.set_background_image(look.rgb, "jpeg", jpeg_quality=quality, depth=depth)
            self.words.content = self.tracing.words
