"""A page that shows a content: its layers, light and first view, and what is said to who looks at it."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from neurfield.errors import UserError
from neurfield.viewer.content import Content
from neurfield.viewer.layers import SKINS, Layer, Triangles
from neurfield.viewer.palettes import Scale
from neurfield.viewer.web.nodes import add_geometry, is_large, scale_of
from neurfield.viewer.web.packed import MOST_FACES

_ASPECT = 1.05  # of the part of a browser's window that the panel leaves
_BACK = 1.06  # times as far as what just fills it
_NONE = "none"
# Of full light, what comes from everywhere, and from two sides that turn with the content's up.
_AROUND, _ABOVE, _BESIDE = 0.62, 0.34, 0.14
_SWAP = 0.6  # seconds until a browser has read a surface that takes the place of another


class Page:
    """A content on a page.

    Args:
        server: `open_server` made it; its scene is empty.
        content: what is shown.
        names: of the layers that are shown at first; None: as the content has them.
        most: triangles of a surface that are sent until `refine`.
    """

    def __init__(
        self, server: Any, content: Content, names: tuple[str, ...] | None = None, most: int = MOST_FACES
    ) -> None:
        self.server, self.content = server, content
        on = [layer.name for layer in content.layers if layer.on] if names is None else names
        self._first = frozenset(on)
        self._nodes: dict[str, list[Any]] = {}
        self._lock = threading.RLock()
        self._versions, self._most = 0, most
        self._whole: set[str] = set()
        self._skin: str | None = None
        self.replaced: Triangles | None = None
        self._light_and_view()
        self.note = server.gui.add_markdown("")
        with server.gui.add_folder("Layers"):
            self._add_layers()

    # What is shown.

    def show(self, name: str, on: bool) -> None:
        """Show a layer, or hide it; makes its geometry when it is first shown.

        Raises:
            UserError: it cannot be made, and why.
        """
        layer = self.content.layer(name)
        if layer is None:
            return
        if on and name not in self._nodes:
            if not layer.made:
                self.say(f"making {layer.words} ...")
            geometry = layer.geometry
            if name == "surface" and self.replaced is not None:
                geometry = self.replaced
            self._put(name, geometry)
            self.say("")
        with self._lock:
            for node in self._nodes.get(name, ()):
                node.visible = on

    @property
    def shown_skin(self) -> str | None:
        """The surface that is shown, of those that lie in each other."""
        return self._skin

    def skin(self, name: str | None) -> None:
        """Show one of the surfaces that lie in each other; None: none of them."""
        try:
            if name is not None:
                self.show(name, True)
        finally:
            with self._lock:
                for other in SKINS:
                    for node in self._nodes.get(other, ()) if other != name else ():
                        node.visible = False
                self._skin = name
        self._legend(name)

    def replace(self, triangles: Triangles | None) -> None:
        """Put another surface into the surface's place; None: its own again. What lies on it is made anew."""
        self.replaced = triangles
        layer = self.content.layer("surface")
        if triangles is None:
            if layer is None:
                return
            triangles = layer.geometry  # type: ignore[assignment]
        assert isinstance(triangles, Triangles)
        self._put("surface", triangles, visible=self._skin == "surface")

    def put(self, name: str, geometry: Any) -> None:
        """Show something beside the layers, in place of what was there by that name; None: nothing."""
        if geometry is None:
            self._drop(name)
        else:
            self._put(name, geometry)

    def refine(self) -> None:
        """Send surfaces that were sent coarsely again, with as many triangles as a page may have."""
        coarse, self._most = self._most, MOST_FACES
        for layer in self.content.layers:
            geometry = layer.geometry if layer.name in self._nodes else None
            if layer.name == "surface" and self.replaced is not None:
                geometry = self.replaced
            if isinstance(geometry, Triangles) and len(geometry.faces) > coarse:
                with self._lock:
                    self._put(layer.name, geometry, self._is_visible(layer.name))

    def _is_visible(self, name: str) -> bool:
        return name == self._skin or (name not in SKINS and any(n.visible for n in self._nodes.get(name, ())))

    def send_whole(self) -> None:
        """Send the shown surface again with all of its triangles."""
        name = self._skin
        layer = None if name is None else self.content.layer(name)
        if layer is None or name is None:
            return
        geometry = self.replaced if name == "surface" and self.replaced is not None else layer.geometry
        self._whole.add(name)
        self._put(name, geometry)

    # What is said.

    def say(self, text: str) -> None:
        """A line at the head of the panel, until the next."""
        lines = [text] if text else list(self.content.notes)
        self.note.content = "  \n".join(lines)

    def complain(self, error: Exception) -> None:
        """Tell everybody who looks what went wrong."""
        self.say("")
        words = str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
        for client in self.server.get_clients().values():
            client.add_notification("That did not work", words, auto_close_seconds=12.0, color="red")

    def guarded(self, function: Callable[..., None]) -> Callable[[Any], None]:
        """A callback whose errors are told on the page."""

        @functools.wraps(function)
        def called(event: Any) -> None:
            try:
                function(event)
            except Exception as error:
                self.complain(error)

        return called

    # How.

    def _put(self, name: str, geometry: Any, visible: bool = True) -> None:
        """Nodes of a geometry; those that they replace go once a browser has had a moment to read them."""
        with self._lock:
            self._versions += 1
            most = len(geometry.faces) if name in self._whole else self._most
            cull = self.content.kind == "inside"
            place = f"/{name}/{self._versions}"
            old = self._nodes.pop(name, [])
            made = add_geometry(self.server.scene, place, geometry, self.content.box, cull, most)
            for node in made:
                node.visible = visible
            self._nodes[name] = made
        if old:
            threading.Timer(_SWAP, _remove, [old]).start()

    def _drop(self, name: str) -> None:
        with self._lock:
            _remove(self._nodes.pop(name, []))

    def _light_and_view(self) -> None:
        content, server = self.content, self.server
        scene = server.scene
        scene.set_up_direction(tuple(content.up))
        scene.world_axes.visible = False
        scene.configure_default_lights(enabled=False)
        scene.configure_environment_map(None)
        view = content.viewpoint(_ASPECT)
        forward, right = view.world_from_cam[:3, 2], view.world_from_cam[:3, 0]
        scene.add_light_ambient("/light/around", intensity=np.pi * _AROUND)
        above = content.up - 0.35 * forward + 0.45 * right
        beside = 0.3 * content.up - 0.8 * right - 0.6 * forward
        scene.add_light_directional("/light/above", intensity=np.pi * _ABOVE, position=tuple(above))
        scene.add_light_directional("/light/beside", intensity=np.pi * _BESIDE, position=tuple(beside))
        middle = content.box.mean(axis=0)
        size = float(np.linalg.norm(np.ptp(content.box, axis=0)))
        camera = server.initial_camera
        camera.up = tuple(content.up)
        ahead = float((middle - view.eye) @ forward)
        aim = view.eye + forward * ahead
        camera.position = tuple(aim - _BACK * ahead * forward)
        camera.look_at = tuple(aim)
        camera.fov = float(np.radians(view.fov))
        camera.near, camera.far = size / 1000, size * 50
        for client in server.get_clients().values():  # who came before there was anything to see
            client.camera.up_direction = camera.up
            client.camera.position, client.camera.look_at = camera.position, camera.look_at
            client.camera.fov, client.camera.near, client.camera.far = camera.fov, camera.near, camera.far

    def _add_layers(self) -> None:
        gui, content = self.server.gui, self.content
        skins = [layer for layer in content.layers if layer.name in SKINS]
        first = next((layer for layer in skins if layer.name in self._first), None)
        self._choice = None
        if skins:
            names = {_short(layer): layer.name for layer in skins}
            start = _NONE if first is None else _short(first)
            self._choice = gui.add_dropdown("Surface", (*names, _NONE), initial_value=start)

            @self._choice.on_update
            @self.guarded
            def _(event: Any) -> None:
                self.skin(names.get(event.target.value))

        self._strip = gui.add_image(np.full((10, 256, 3), 255, np.uint8), visible=False)
        self._ends = gui.add_markdown("", visible=False)
        for layer in content.layers:
            if layer.name not in (*SKINS, "slice"):  # a slice has tools of its own
                self._add_switch(layer)
        surface = content.surface
        if surface is not None and is_large(surface):
            whole = gui.add_button(f"Send all {len(surface.faces):,} triangles", color="gray")

            @whole.on_click
            @self.guarded
            def _(event: Any) -> None:
                whole.disabled = True
                self.send_whole()

        if first is not None:
            self.skin(first.name)
        self.say("")

    def _add_switch(self, layer: Layer) -> None:
        switch = self.server.gui.add_checkbox(_short(layer), initial_value=layer.name in self._first)

        @switch.on_update
        @self.guarded
        def _(event: Any) -> None:
            self.show(layer.name, event.target.value)

        if layer.name in self._first:
            self.show(layer.name, True)

    def _legend(self, name: str | None) -> None:
        layer = None if name is None else self.content.layer(name)
        scale = None if layer is None else scale_of(layer.geometry)
        self._strip.visible = self._ends.visible = scale is not None
        if scale is not None:
            self._strip.image = scale.strip(256, 10)
            self._ends.content = legend_words(scale)


def legend_words(scale: Scale) -> str:
    """What stands below a legend."""
    low, high = scale.ends()
    return f"{low} to {high}: {scale.words}"


def _short(layer: Layer) -> str:
    """A layer's words as a label."""
    words = layer.words.removeprefix("the ").removeprefix("their ")
    return words[:1].upper() + words[1:]


def _remove(nodes: list[Any]) -> None:
    for node in nodes:
        node.remove()
