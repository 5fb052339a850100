"""What can be asked on a page: a slice of the field, another level, what lies where one clicks, a walk."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from neurfield.scenes.walk_file import write_walk
from neurfield.scenes.walks import Walk
from neurfield.viewer.layers import Lines
from neurfield.viewer.palettes import in_lengths
from neurfield.viewer.session import AXES, Hit, Session
from neurfield.viewer.web.newest import Newest
from neurfield.viewer.web.page import Page, legend_words

_AT_REST = 0.5  # seconds after which a slider counts as let go
_QUICK, _SHARP = 128, 320  # pixels of a slice while it is moved, and at rest
_MARK = (0.86, 0.24, 0.10)
_STEP = 3.0  # seconds from a view of a walk to the next
_HINT = "Click on the surface: where it is, what the field says there, and how far two clicks are apart."


class Tools:
    """The tools of a page.

    Args:
        page: of the session's content.
        session: answers.
        sliced: whether a slice is shown at first.
    """

    def __init__(self, page: Page, session: Session, sliced: bool = False) -> None:
        self.page, self.session = page, session
        self._worker = Newest(page.complain)
        self._hits: list[Hit] = []
        self._keys: list[tuple[np.ndarray, float]] = []
        gui = page.server.gui
        if session.has_field:
            with gui.add_folder("Slice", expand_by_default=sliced):
                self._add_slice(sliced)
            with gui.add_folder("Level", expand_by_default=False):
                self._add_level()
        if page.content.surface is not None:
            with gui.add_folder("Measure"):
                self._add_measure()
        with gui.add_folder("Walk", expand_by_default=False):
            self._add_walk()

    def stop(self) -> None:
        """End the thread that answers sliders."""
        self._worker.stop()

    # A plane through the field.

    def _add_slice(self, shown: bool) -> None:
        gui = self.page.server.gui
        self._sliced = gui.add_checkbox("Show", initial_value=shown)
        self._axis = gui.add_dropdown("Across", tuple(AXES), initial_value="z")
        self._at = gui.add_slider("At", min=0.0, max=100.0, step=0.5, initial_value=40.0, hint="% of the box")
        self._slice_strip = gui.add_image(np.full((10, 256, 3), 255, np.uint8), visible=False)
        self._slice_words = gui.add_markdown("", visible=False)

        def moved(event: Any) -> None:
            self._worker.ask(self._slice)

        for handle in (self._sliced, self._axis, self._at):
            handle.on_update(moved)
        if shown:
            self._worker.ask(self._slice)

    def _slice(self) -> None:
        shown = self._sliced.value
        self._slice_strip.visible = self._slice_words.visible = shown
        if not shown:
            self.page.put("slice", None)
            return
        axis = AXES.index(self._axis.value)
        box = self.session.field_box
        offset = float(box[0][axis] + self._at.value / 100.0 * (box[1][axis] - box[0][axis]))
        for resolution in (_QUICK, _SHARP):
            pictures = self.session.slice(axis, offset, resolution)
            self.page.put("slice", pictures)
            if resolution == _QUICK and pictures.scale is not None:
                place = in_lengths(offset + float(self.session.content.origin[axis]), self._unit)
                self._slice_strip.image = pictures.scale.strip(256, 10)
                self._slice_words.content = f"{AXES[axis]} = {place}  \n{legend_words(pictures.scale)}"
                if not self._worker.undisturbed(_AT_REST):
                    return

    # Another level.

    def _add_level(self) -> None:
        gui = self.page.server.gui
        self._percent = gui.add_slider(
            "Distance", min=-100.0, max=100.0, step=1.0, initial_value=0.0,
            hint="the surface where the field has this value: outwards to the right",
        )  # fmt: skip
        self._level_words = gui.add_markdown("The surface itself.")
        back = gui.add_button("Back to the surface", color="gray")

        @self._percent.on_update
        def _(event: Any) -> None:
            self._worker.ask(self._level)

        @back.on_click
        def _(event: Any) -> None:
            self._percent.value = 0.0
            self._worker.ask(self._level)

    def _level(self) -> None:
        share = self._percent.value / 100.0
        if share == 0.0:
            self._level_words.content = "The surface itself."
            self.page.replace(None)
            return
        level = share * self.session.most_level
        for voxel in (self.session.coarse_voxel, self.session.fine_voxel):
            self._level_words.content = f"{in_lengths(level, self._unit)} from the surface: making it ..."
            triangles = self.session.surface(level, voxel)
            self.page.replace(triangles)
            cells = in_lengths(voxel, self._unit)
            self._level_words.content = (
                f"{in_lengths(level, self._unit)} from the surface: {len(triangles.faces):,} triangles "
                f"in cells of {cells}."
            )
            if not self._worker.undisturbed(_AT_REST):
                return

    # What lies where one clicks.

    def _add_measure(self) -> None:
        page = self.page
        self._found = page.server.gui.add_markdown(_HINT)
        clear = page.server.gui.add_button("Clear", color="gray")

        @page.server.scene.on_click()
        @page.guarded
        def _(event: Any) -> None:
            self.click(np.array(event.ray_origin), np.array(event.ray_direction))

        @clear.on_click
        @page.guarded
        def _(event: Any) -> None:
            self._hits = []
            self._mark()

    def click(self, origin: np.ndarray, direction: np.ndarray) -> None:
        """Ask for what a ray meets, and for the way from what the last one met."""
        hit = self.session.pick(origin, direction)
        if hit is not None:
            self._hits = [*self._hits[-1:], hit]
            self._mark()

    def _mark(self) -> None:
        size = 0.006 * float(np.linalg.norm(np.ptp(self.page.content.box, axis=0)))
        points = [hit.point for hit in self._hits]
        ends = [[p + size * a, p - size * a] for p in points for a in np.eye(3)]
        if len(points) == 2:
            ends.append([points[0], points[1]])
        self.page.put("marks", Lines(np.array(ends), _MARK) if ends else None)
        lines = [hit.words(self._unit).replace("   ", "  \n") for hit in self._hits]
        if len(points) == 2:
            lines.append(f"**{self.session.distance(points[0], points[1])[1]} apart**")
        self._found.content = "\n\n".join(lines) or _HINT

    # A walk of kept views.

    def _add_walk(self) -> None:
        gui = self.page.server.gui
        self._kept = gui.add_markdown("Keep some views: they become a walk for `neurfield render`.")
        keep = gui.add_button("Keep this view")
        save = gui.add_button("Save camera_path.json")
        forget = gui.add_button("Forget all", color="gray")

        @keep.on_click
        @self.page.guarded
        def _(event: Any) -> None:
            self.keep(event.client.camera)

        @save.on_click
        @self.page.guarded
        def _(event: Any) -> None:
            camera = event.client.camera
            content = self.walk((camera.image_width, camera.image_height))
            if content:
                event.client.send_file_download("camera_path.json", content, save_immediately=True)

        @forget.on_click
        @self.page.guarded
        def _(event: Any) -> None:
            self._keys = []
            self._kept.content = "No view is kept."

    def keep(self, camera: Any) -> None:
        """Add where a client's camera is to the walk."""
        w, x, y, z = camera.wxyz
        pose = np.eye(4)
        pose[:3, :3] = Rotation.from_quat([x, y, z, w]).as_matrix()
        pose[:3, 3] = np.asarray(camera.position) + self.page.content.origin
        self._keys.append((pose, float(np.degrees(camera.fov))))
        count = len(self._keys)
        self._kept.content = f"{count} view{'s' * (count > 1)}, {_STEP * max(0, count - 1):.0f} s."

    def walk(self, size: tuple[int, int]) -> bytes:
        """The kept views as a camera_path.json, in the world; empty where there are none."""
        if not self._keys:
            self._kept.content = "No view is kept yet."
            return b""
        poses, fovs = zip(*self._keys)
        even = (size[0] // 2 * 2 or 2, size[1] // 2 * 2 or 2)  # as films want it
        walk = Walk(np.array(poses), np.array(fovs), _STEP * np.arange(len(poses)), size=even)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "camera_path.json"
            write_walk(path, walk)
            return path.read_bytes()

    @property
    def _unit(self) -> str:
        return self.page.content.unit
