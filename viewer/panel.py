"""The panel at the window's side: layers, sliders, what was clicked at, what keys do."""

from __future__ import annotations

import textwrap
import time
from typing import Any, Protocol

import numpy as np

from neurfield.viewer.content import Content
from neurfield.viewer.palettes import Scale, in_lengths
from neurfield.viewer.session import AXES, Session

KEYS = (
    ("1 - 9, G", "layers"),
    ("drag", "turn; right: move; wheel: closer"),
    ("click", "measure; Esc: forget"),
    ("F", "walk (W A S D) or turn"),
    ("K", "keep a key of a walk"),
    ("P", "write a picture"),
    ("B", "faces that turn away"),
    ("T", "the field itself, traced"),
    ("0", "back to the start"),
)
_REST = 0.35  # seconds without a move until a slider counts as at rest
_COLUMNS = 34  # letters in a line of the panel
_STILL = 2e-3  # of the box's side: a slider that moved by less was not moved
_SNAP = 0.04  # of the level slider's reach: nearer to zero is zero


class Owner(Protocol):
    """What a panel asks of its window."""

    content: Content
    session: Session

    def show(self, name: str, on: bool) -> None:
        """Switch a layer on or off."""

    def slice_at(self, axis: int, offset: float) -> None:
        """Draw the slice where an axis is at an offset."""

    def level_at(self, level: float, rest: bool = True) -> None:
        """Draw where the field has a value."""


class Panel:
    """Widgets beside the view; what they do, the window does.

    Args:
        gui: Open3D's.
        window: Open3D's.
        owner: whose methods are called.

    Attributes:
        said: what was told last.
    """

    said = ""

    def __init__(self, gui: Any, window: Any, owner: Owner) -> None:
        self._gui, self._window, self._owner = gui, window, owner
        em = window.theme.font_size
        self.width = int(17.5 * em)
        self._panel = gui.Vert(int(0.35 * em), gui.Margins(int(0.8 * em), int(0.8 * em), int(0.8 * em), 0))
        self._boxes: dict[str, Any] = {}
        for layer in owner.content.layers:
            box = gui.Checkbox(f"{layer.key.upper()}  {layer.words}")
            box.set_on_checked(lambda on, name=layer.name: owner.show(name, on))
            box.checked = layer.on
            self._boxes[layer.name] = box
            self._panel.add_child(box)
        self._axis, self._value = gui.Combobox(), gui.Label("level 0        ")
        self._offset, self._level = gui.Slider(gui.Slider.DOUBLE), gui.Slider(gui.Slider.DOUBLE)
        self._changed: float | None = None
        self._asked = True  # whether the field told all that sliders want of it
        if owner.session.has_field:
            self._add_sliders(em)
        self._scale, self._title, self._ends = gui.ImageWidget(), gui.Label(""), gui.Horiz()
        self._low, self._high = gui.Label(""), gui.Label("")
        self._ends.add_child(self._low)
        self._ends.add_stretch()
        self._ends.add_child(self._high)
        self._panel.add_fixed(int(0.4 * em))
        for widget in (self._title, self._scale, self._ends):
            self._panel.add_child(widget)
        self._panel.add_fixed(int(0.4 * em))
        self._said = gui.Label("\n" * 5)
        self._said.text_color = gui.Color(1.0, 0.85, 0.55)
        self._panel.add_child(self._said)
        self._panel.add_stretch()
        keys = gui.VGrid(2, int(0.2 * em), gui.Margins(0, 0, 0, int(0.8 * em)))
        for key, does in KEYS:
            name = gui.Label(key)
            name.text_color = gui.Color(0.55, 0.8, 1.0)
            keys.add_child(name)
            keys.add_child(gui.Label(does))
        self._panel.add_child(keys)
        window.add_child(self._panel)
        self.legend(None)

    @property
    def plane(self) -> tuple[int, float]:
        """The axis and the offset, as shown, of the slice."""
        return int(self._axis.selected_index), float(self._offset.double_value)

    def place(self, frame: Any) -> None:
        """Where the panel lies."""
        self._panel.frame = frame

    def checked(self, name: str, on: bool) -> None:
        """What a checkbox shows."""
        self._boxes[name].checked = on

    def sliced(self, axis: int, offset: float) -> None:
        """Where the sliders say that the slice is."""
        self._drawn = (axis, offset)
        if int(self._axis.selected_index) != axis:
            self._axis.selected_index = axis
            self._offset.set_limits(*self._owner.session.field_box[:, axis])
        self._offset.double_value = offset

    def tell(self, words: str) -> None:
        """Lines on what happened last."""
        self.said = words
        lines = [part for line in words.splitlines() for part in textwrap.wrap(line, _COLUMNS) or [""]]
        self._said.text = "\n".join((lines + [""] * 6)[: max(6, len(lines))])

    def legend(self, scale: Scale | None) -> None:
        """What colours mean; None: they are colours."""
        for widget in (self._title, self._scale, self._ends):
            widget.visible = scale is not None
        if scale is None:
            return
        import open3d as o3d  # loaded long ago: the window is open

        strip = np.ascontiguousarray(scale.strip(self.width - 30, 14))
        self._scale.update_image(o3d.geometry.Image(strip))
        self._title.text = scale.words
        self._low.text, self._high.text = scale.ends()
        self._window.set_needs_layout()

    def tick(self) -> bool:
        """Let a slider that came to rest do its finer work; whether it did."""
        if not self._asked and self._owner.session.is_open:
            self._limit_level()
        if self._changed is None or time.monotonic() - self._changed < _REST:
            return False
        self._changed = None
        self._owner.level_at(self._read_level())
        return True

    def _add_sliders(self, em: float) -> None:
        gui, session = self._gui, self._owner.session
        box = session.field_box
        up = int(np.abs(self._owner.content.up).argmax())
        row = gui.Horiz(int(0.4 * em))
        row.add_child(gui.Label("slice"))
        for axis in AXES:
            self._axis.add_item(axis)
        self._axis.selected_index = up
        row.add_child(self._axis)
        row.add_child(self._offset)
        self._panel.add_fixed(int(0.4 * em))
        self._panel.add_child(row)

        def limits(axis: int) -> None:
            self._offset.set_limits(*box[:, axis])
            self._offset.double_value = float(box[:, axis].mean())

        def turned(_: str, axis: int) -> None:
            limits(axis)
            self._owner.slice_at(*self.plane)

        limits(up)
        self._axis.set_on_selection_changed(turned)
        self._drawn = self.plane

        def slid(_: float) -> None:
            axis, offset = self.plane
            same = axis == self._drawn[0] and abs(offset - self._drawn[1]) <= _STILL * np.ptp(box[:, axis])
            if not same:  # it says so where nobody moved it, too: it rounds
                self._owner.slice_at(axis, offset)

        self._offset.set_on_value_changed(slid)
        row = gui.Horiz(int(0.4 * em))
        row.add_child(self._value)
        self._limit_level()
        self._level.double_value = 0.0
        self._level.set_on_value_changed(self._dragged)
        row.add_child(self._level)
        self._panel.add_child(row)

    def _limit_level(self) -> None:
        """Let the level's slider go both ways, until an open field tells that its values have no sign."""
        session = self._owner.session
        self._asked = session.is_open
        most = session.most_level
        self._level.set_limits(0.0 if self._asked and session.unsigned else -most, most)

    def _read_level(self) -> float:
        value = float(self._level.double_value)
        return 0.0 if abs(value) < _SNAP * self._owner.session.most_level else value

    def _dragged(self, _: float) -> None:
        level = self._read_level()
        self._value.text = f"level {in_lengths(level, self._owner.content.unit)}"
        self._changed = time.monotonic()
        self._owner.level_at(level, rest=False)
