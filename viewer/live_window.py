"""`neurfield fit --view`: a window in a process of its own, in which the surface of a fit forms.

The fit leaves its newest glimpse in a folder, and waits for nobody: the window may be slow, be closed, or
take its process with it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from neurfield.errors import UserError
from neurfield.fitting.observer import Glimpse, Observer
from neurfield.optional import require
from neurfield.report.shade import lamp_of
from neurfield.report.viewpoints import Viewpoint
from neurfield.viewer.layers import Lines, Triangles
from neurfield.viewer.light import lit_colors
from neurfield.viewer.live import live_content, triangles_of_glimpse, words_of
from neurfield.viewer.live_child import END, GLIMPSE, HEIGHT, WIDTH
from neurfield.viewer.offscreen import has_display


class LiveWindow:
    """A window of a fit.

    Args:
        tell: is given a line if the window cannot be kept up.

    Raises:
        UserError: there is no display here, or Open3D is missing.

    Attributes:
        observer: for the fit.
    """

    def __init__(self, tell: Callable[[str], None] = print) -> None:
        if not has_display():
            raise UserError("--view: there is no display here: take --web, or leave it out")
        require("open3d", extra="viewer")
        self.observer = Observer(self.show, tell)
        self._folder = tempfile.TemporaryDirectory(prefix="neurfield-window-")
        command = [sys.executable, "-m", "neurfield.viewer.live_child", self._folder.name, str(os.getpid())]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def show(self, glimpse: Glimpse) -> None:
        """Leave a glimpse for the window.

        Raises:
            UserError: the window is gone.
        """
        if self._process.poll() is not None:
            raise UserError(
                "the window was closed" if not self._process.returncode else "the window broke off"
            )
        path = Path(self._folder.name) / GLIMPSE
        new = path.with_name("new.npz")
        np.savez(new, allow_pickle=False, **self._arrays(glimpse))
        new.replace(path)

    def close(self) -> None:
        """End the window with the fit."""
        try:
            (Path(self._folder.name) / END).touch()
            self._process.wait(5.0)
        except (OSError, subprocess.TimeoutExpired):
            self._process.kill()
            self._process.wait()
        self._folder.cleanup()

    def _arrays(self, glimpse: Glimpse) -> dict[str, np.ndarray]:
        """All that the window draws: it decides nothing."""
        surface = self.observer.surface
        assert surface is not None
        content = live_content(surface.folder.name, surface, self.observer.scene)
        view = content.viewpoint(WIDTH / HEIGHT)
        triangles = triangles_of_glimpse(glimpse, content.origin)
        arrays = {
            "pose": view.world_from_cam, "fov": np.array(view.fov), "words": np.array(words_of(glimpse)),
            "inside": np.array(content.kind == "inside"),
        }  # fmt: skip
        arrays |= _surface_arrays(triangles, view)
        for i, layer in enumerate(content.layers):
            if layer.on and isinstance(layer.geometry, Lines):
                arrays[f"lines{i}"] = layer.geometry.ends
                arrays[f"color{i}"] = np.array(layer.geometry.color)
        return arrays


def _surface_arrays(triangles: Triangles, view: Viewpoint) -> dict[str, np.ndarray]:
    if not len(triangles.faces):
        return {}
    colors = lit_colors(triangles, lamp_of(view))
    return {
        "vertices": triangles.vertices.astype(float),
        "faces": triangles.faces,
        "colors": colors.astype(float),
    }
