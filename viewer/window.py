"""The window: layers by checkboxes and keys, turning and walking, a slice, levels, clicks, recorded walks."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np

from neurfield.errors import UserError
from neurfield.report.shade import lamp_of
from neurfield.viewer.background import Background
from neurfield.viewer.display import check_display
from neurfield.viewer.drawing import Drawing, Prepared, prepared
from neurfield.viewer.eye import Eye
from neurfield.viewer.layers import SKINS, Layer, Lines, Triangles, shown_layers
from neurfield.viewer.light import lit_colors, smoothed_normals
from neurfield.viewer.panel import Panel
from neurfield.viewer.recorder import Recorder
from neurfield.viewer.session import AXES, Hit, Session
from neurfield.viewer.toolkit import quick_open3d
from neurfield.viewer.tracing import AT_REST, Look, Tracing, refuse_unsigned

_AT_ONCE = 24  # pieces that are repainted between two pictures
_ALONE = 1.0  # seconds for the first picture, in which nothing else is worked out
_CLICK = 4  # pixels that a mouse may move in a click
_MARK = (0.85, 0.1, 0.35)
_SLICE_PIXELS = 320


def open_window(
    session: Session, width: int = 1280, height: int = 800, names: tuple[str, ...] | None = None
) -> None:
    """Show a content until its window is closed.

    Args:
        session: what is shown, and asked.
        width: of the window.
        height: of the window.
        names: of the layers that are shown at first; None: those that are on.

    Raises:
        UserError: there is no display here, or Open3D is missing or cannot open a window.
    """
    Window(session, width, height, names).run()


class Window:
    """A window on a session; everything that a key does is a method, too.

    Args: as for `open_window`.

    Attributes:
        on: names of the layers that are switched on.
    """

    def __init__(
        self, session: Session, width: int = 1280, height: int = 800, names: tuple[str, ...] | None = None
    ) -> None:
        check_display()
        self.session, self.content = session, session.content
        first = shown_layers(self.content.layers, names)
        o3d = quick_open3d()
        gui, rendering = o3d.visualization.gui, o3d.visualization.rendering
        self._gui, self.app = gui, gui.Application.instance
        self.app.initialize()
        try:
            self.window = self.app.create_window(f"neurfield: {self.content.title}", width, height)
        except RuntimeError as reason:
            raise UserError(
                f"Open3D cannot open a window here ({reason}): use --screenshot out.png"
            ) from None
        self.view = gui.SceneWidget()
        self.view.scene = rendering.Open3DScene(self.window.renderer)
        self.view.scene.set_background([1.0, 1.0, 1.0, 1.0])
        self.view.scene.view.set_post_processing(False)  # colours arrive as they were worked out
        self.view.scene.view.set_shadowing(False)  # none are seen, but they were a third of a picture's work
        self.view.scene.show_axes(False)
        self.window.add_child(self.view)
        self.panel = Panel(gui, self.window, self)
        self.drawing = Drawing(o3d, self.view.scene, self.window.scaling)
        self.background = Background(self._deliver, self._fail)
        self.eye = Eye(o3d, self.view, self.content)
        self.recorder = Recorder(self.content)
        self._lamp = lamp_of(self.content.viewpoint(width / height))
        self.on = {layer.name for layer in first}
        self._level = 0.0
        self.tracing: Tracing | None = None  # while the field itself is shown
        self._still = float("inf")  # when the eye came to rest, and no picture of that was made yet
        self._marks: list[Hit] = []
        self._labels: list[Any] = []
        self._pressed: tuple[int, int] | None = None
        self._rough: dict[str, Prepared] = {}  # what waits for a smoother light
        self._first = float("inf")  # when the window was first asked for a picture
        self._repaint: list[tuple[str, Prepared, int]] = []
        self._moved = True
        self.window.set_on_layout(self._layout)
        self.window.set_on_key(self._key)
        self.window.set_on_close(self._close)
        self.window.set_on_tick_event(self._tick)
        self.view.set_on_mouse(self._mouse)
        self._walking = False
        for layer in first:
            self._draw_now(layer)
        self.reset()
        self.panel.tell("drag to turn, wheel to come closer")

    # What keys do.

    def run(self) -> None:
        """Until the window is closed."""
        self.app.run()

    def reset(self) -> None:
        """Look from where one sees most."""
        self.eye.reset()
        self._moved = True

    def toggle(self, name: str) -> None:
        """Switch a layer; of those that lie in each other one is on."""
        self.show(name, name not in self.on)

    def show(self, name: str, on: bool) -> None:
        """Switch a layer on or off."""
        layer = self.content.layer(name)
        if layer is None:
            return
        if on and name in SKINS:
            for other in SKINS:
                if other != name and other in self.on:
                    self.show(other, False)
        self.on = self.on | {name} if on else self.on - {name}
        self.panel.checked(name, on)
        if name == "slice" and on:
            self.slice_at(*self.panel.plane)
        elif on and name not in self.drawing:
            self.panel.tell(f"{layer.words} ...")
            self.background.ask(name, lambda: self._prepare(layer), lambda ready: self._put(name, ready))
        self._refresh()

    def slice_at(self, axis: int, offset: float) -> None:
        """Draw the slice where an axis is at an offset, as shown."""
        self.on |= {"slice"}
        self.panel.checked("slice", True)
        self.panel.sliced(axis, offset)
        self.background.ask(
            "slice",
            lambda: Prepared(self.session.slice(axis, offset, _SLICE_PIXELS)),
            lambda ready: self._put("slice", ready, f"slice at {AXES[axis]} = {self._along(axis, offset)}"),
        )

    def level_at(self, level: float, rest: bool = True) -> None:
        """Draw where the field has a value in place of the surface; finely once the slider rests."""
        self._level = level
        if level == 0.0 and rest:
            self.drawing.remove("level")
            self._refresh()
            return
        voxel = self.session.fine_voxel if rest else self.session.coarse_voxel

        def extract() -> Prepared:
            return self._prepared(self.session.surface(level, voxel))

        words = self.session.distance(np.zeros(3), np.array([abs(level), 0, 0]))[1]
        sign = "-" if level < 0 else ""
        self.background.ask("level", extract, lambda ready: self._put("level", ready, f"level {sign}{words}"))

    def click(self, x: float, y: float) -> None:
        """Measure at a pixel of the view: the place, the field there, the distance to the place before."""
        origin, ahead = self.eye.ray(x, y)
        self.background.ask("click", lambda: self.session.pick(origin, ahead), self._mark)

    def forget(self) -> None:
        """Take all marks away."""
        self._marks = []
        self._draw_marks()
        self.panel.tell("")

    def walk(self, on: bool) -> None:
        """Walk through (W, A, S, D and the mouse), or turn around."""
        self._walking = on
        self.eye.walk(on)
        self.panel.tell("walk: W A S D, Q and E up and down, drag to look" if on else "drag to turn")

    def record(self) -> None:
        """Keep the eye's place as a key of a walk, and write the walk."""
        try:
            self.panel.tell(self.recorder.add(self.eye.world_from_cam, self.eye.fov, self.eye.size))
        except (UserError, OSError) as reason:
            self._fail(reason)

    def back_faces(self) -> None:
        """Show faces that turn away, or leave them out again."""
        self.drawing.backs = not self.drawing.backs
        self._moved = True

    def trace(self) -> None:
        """Show the field itself instead of its surfaces, coarsely while the eye moves; or these again."""
        if self.tracing is not None:
            self.tracing = None
            self.view.scene.set_background([1.0, 1.0, 1.0, 1.0])
            self.panel.tell("")
            self._refresh()
            return
        if not self.session.has_field:
            self.panel.tell("there is no field to trace: view a run's folder")
            return
        self.panel.tell("the field ...")
        self.background.ask("traced", lambda: refuse_unsigned(self.session), self._trace)

    def picture(self) -> None:
        """Write what the view shows as a picture."""
        target = self.recorder.free(f"{Path(self.content.title).stem}-view.png")
        self.view.scene.scene.render_to_image(lambda image: self._write(image, target))
        self.window.post_redraw()

    # What becomes of it.

    def _prepared(self, geometry: Any) -> Prepared:
        return prepared(geometry, self._lamp, self.content.kind == "inside")

    def _prepare(self, layer: Layer) -> Prepared:
        return self._prepared(layer.geometry)

    def _draw_now(self, layer: Layer) -> None:
        """Before the window opens: what is on at first shall be in its first picture."""
        if layer.name in ("slice", "pictures"):
            self.show(layer.name, True)
            return
        self._put(layer.name, self._prepare(layer))

    def _put(self, name: str, ready: Prepared, words: str = "") -> None:
        self.drawing.put(name, ready, self.eye.place)
        self.panel.tell(words)
        self._refresh()
        geometry = ready.geometry
        if isinstance(geometry, Triangles) and geometry.lit:
            self._rough[name] = ready

    def _smooth(self, ready: Prepared) -> Prepared:
        """The same in a smoother light, which takes longer than a first picture may."""
        assert isinstance(ready.geometry, Triangles)
        colors = lit_colors(ready.geometry, self._lamp, smoothed_normals(ready.geometry))
        return Prepared(ready.geometry, ready.pieces, colors)

    def _smooth_later(self) -> None:
        """Begin with smoother light once the first picture had the processor for itself."""
        self._first = min(self._first, time.monotonic())
        if time.monotonic() - self._first < _ALONE:
            return
        while self._rough:
            self._ask_smooth(*self._rough.popitem())

    def _ask_smooth(self, name: str, ready: Prepared) -> None:
        self.background.ask(
            f"smooth {name}", lambda: self._smooth(ready), lambda better: self._better(name, better)
        )

    def _better(self, name: str, ready: Prepared) -> None:
        self._repaint = [item for item in self._repaint if item[0] != name] + [(name, ready, 0)]

    def _trace(self, _: Any) -> None:
        self.tracing, self._moved = Tracing(self.session), True
        self._refresh()

    def _look(self, rest: bool) -> None:
        """Ask for a picture of the field as the eye is now; of those that wait the newest is made."""
        tracing, eye = self.tracing, self.eye
        pose, fov, size = eye.world_from_cam, eye.fov, eye.size
        if tracing is None:
            return

        def undisturbed(seconds: float) -> bool:
            return rest and self._still == float("inf")

        def looked() -> Look:
            return list(tracing.looks(pose, fov, size, undisturbed))[-1]

        self.background.ask("traced", looked, lambda look: self._put_look(tracing, look, size))

    def _put_look(self, tracing: Tracing, look: Look, size: tuple[int, int]) -> None:
        if self.tracing is None or tracing is not self.tracing:
            return
        import open3d as o3d
        from PIL import Image

        whole = np.asarray(Image.fromarray(look.rgb).resize(size, Image.Resampling.BILINEAR))
        self.view.scene.set_background([1.0, 1.0, 1.0, 1.0], o3d.geometry.Image(np.ascontiguousarray(whole)))
        self.panel.tell(tracing.words)
        self.window.post_redraw()

    def _refresh(self) -> None:
        """What is on the scene as `on` and the level say."""
        away = self._level != 0.0 and "level" in self.drawing
        scale = None
        for layer in self.content.layers:
            on = layer.name in self.on
            hidden = layer.name in SKINS and (away or self.tracing is not None)
            self.drawing.show(layer.name, on and not hidden)
            if on and layer.made and layer.name != "slice" and not isinstance(layer.geometry, Lines):
                scale = getattr(layer.geometry, "scale", None) or scale
        if "slice" in self.on and "slice" in self.drawing:
            scale = scale or self.session.slice(0, 0.0, 2).scale
        self.panel.legend(scale)
        self.window.post_redraw()

    def _mark(self, hit: Hit | None) -> None:
        if hit is None:
            self.panel.tell("nothing there")
            return
        self._marks = [*self._marks[-1:], hit]
        self._draw_marks()
        lines = [hit.words(self.content.unit)]
        if len(self._marks) == 2:
            lines += [f"distance {self.session.distance(self._marks[0].point, hit.point)[1]}"]
        self.panel.tell("\n".join(lines))

    def _draw_marks(self) -> None:
        for label in self._labels:
            self.view.remove_3d_label(label)
        self._labels = []
        self.drawing.remove("marks")
        if not self._marks:
            self.window.post_redraw()
            return
        arm = 0.006 * float(np.linalg.norm(np.ptp(self.content.box, axis=0)))
        arms = arm * np.stack([-np.eye(3), np.eye(3)], axis=1)
        ends = [mark.point + arms for mark in self._marks]
        if len(self._marks) == 2:
            first, second = (mark.point for mark in self._marks)
            ends.append(np.stack([first, second])[None])
            words = self.session.distance(first, second)[1]
            self._labels = [self.view.add_3d_label((first + second) / 2, words)]
        self.drawing.put("marks", Prepared(Lines(np.concatenate(ends), _MARK)), self.eye.place)
        self.window.post_redraw()

    def _along(self, axis: int, offset: float) -> str:
        return f"{offset + self.content.origin[axis]:.4g} {self.content.unit}".rstrip()

    def _write(self, image: Any, target: Path) -> None:
        try:
            from PIL import Image

            Image.fromarray(np.asarray(image)).save(target)
            self.panel.tell(f"written: {target}")
        except OSError as reason:
            self._fail(reason)

    # What Open3D calls.

    def _deliver(self, work: Any) -> None:
        self.app.post_to_main_thread(self.window, work)

    def _fail(self, error: Exception) -> None:
        if not isinstance(error, (UserError, OSError)):
            self._close()
            raise error
        self.panel.tell(str(error))

    def _layout(self, _: Any) -> None:
        frame = self.window.content_rect
        wide = self.panel.width
        self.view.frame = self._gui.Rect(frame.x, frame.y, frame.width - wide, frame.height)
        self.panel.place(self._gui.Rect(frame.get_right() - wide, frame.y, wide, frame.height))
        self.eye.resized()
        self._moved = True

    def _tick(self) -> bool:
        """Between two pictures: follow the eye, repaint some; whether there is something new to be drawn."""
        changed = False
        self._smooth_later()
        if self._moved or self.eye.has_moved():
            self._moved = False
            self.drawing.look_from(self.eye.place)
            self._still = time.monotonic()
            self._look(rest=False)
            changed = True
        elif time.monotonic() - self._still > AT_REST:
            self._still = float("inf")
            self._look(rest=True)
        if self._repaint:
            name, ready, start = self._repaint.pop(0)
            assert ready.pieces is not None
            end = min(start + _AT_ONCE, len(ready.pieces.pieces))
            self.drawing.repaint(name, ready, range(start, end))
            if end < len(ready.pieces.pieces):
                self._repaint.insert(0, (name, ready, end))
            changed = True
        return self.panel.tick() or changed

    def _close(self) -> bool:
        self.background.end()
        return True

    def _key(self, event: Any) -> bool:
        if event.type != self._gui.KeyEvent.DOWN:
            return False
        key = chr(event.key).lower() if 32 <= event.key < 127 else ""
        if event.key == self._gui.KeyName.ESCAPE:
            self.forget()
            return True
        for layer in self.content.layers:
            if key == layer.key:
                self.toggle(layer.name)
                return True
        does = {
            "f": lambda: self.walk(not self._walking), "k": self.record, "p": self.picture,
            "b": self.back_faces, "t": self.trace, "0": self.reset,
        }.get(key)  # fmt: skip
        if does is None:
            return False
        does()
        return True

    def _mouse(self, event: Any) -> Any:
        """A click without a drag measures; all else turns and walks."""
        kind, answers = self._gui.MouseEvent, self._gui.Widget.EventCallbackResult
        if event.type == kind.Type.BUTTON_DOWN and event.is_button_down(self._gui.MouseButton.LEFT):
            self._pressed = (event.x, event.y)
        elif event.type == kind.Type.BUTTON_UP and self._pressed is not None:
            x, y = self._pressed
            self._pressed = None
            if abs(event.x - x) + abs(event.y - y) <= _CLICK:
                self.click(x - self.view.frame.x, y - self.view.frame.y)
        return answers.IGNORED
