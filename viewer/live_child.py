"""The process of a live window: it draws the newest glimpse in a folder, until it is closed or the fit ends.

It imports as little as it can, to be there soon; what it draws was decided by `live_window`.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from neurfield.errors import UserError
from neurfield.optional import require

WIDTH, HEIGHT = 1100, 760
GLIMPSE, DRAWN, END = "glimpse.npz", "drawn", "end"
_PAUSE = 0.02  # seconds between two pictures


def watch(folder: Path, parent: int) -> None:
    """Show a window.

    Args:
        folder: where glimpses come to lie; a file there says that one was drawn, another that the fit ended.
        parent: the fit's process.
    """
    o3d = require("open3d", extra="viewer")
    o3d.utility.set_verbosity_level(o3d.utility.VerbosityLevel.Error)
    window = o3d.visualization.Visualizer()
    if not window.create_window("neurfield: a fit", WIDTH, HEIGHT):
        raise UserError("Open3D cannot open a window here")
    options = window.get_render_option()
    options.background_color = np.ones(3)
    options.light_on = False
    source, read = folder / GLIMPSE, 0.0
    drawn: list[Any] = []
    while window.poll_events() and not (folder / END).exists() and os.getppid() == parent:
        changed = source.stat().st_mtime if source.exists() else 0.0
        if changed > read:
            first, read = read == 0.0, changed
            drawn = _draw(o3d, window, dict(np.load(source)), drawn, first)
            (folder / DRAWN).touch()
        window.update_renderer()
        time.sleep(_PAUSE)
    window.destroy_window()


def _draw(o3d: Any, window: Any, arrays: dict[str, np.ndarray], drawn: list[Any], first: bool) -> list[Any]:
    """Put a glimpse in the place of another; the eye stays where the mouse has put it."""
    made = []
    if "faces" in arrays:
        mesh = o3d.geometry.TriangleMesh(
            o3d.utility.Vector3dVector(arrays["vertices"]), o3d.utility.Vector3iVector(arrays["faces"])
        )
        mesh.vertex_colors = o3d.utility.Vector3dVector(arrays["colors"])
        made.append(mesh)
    for name in (name for name in arrays if name.startswith("lines")):
        ends = arrays[name].reshape(-1, 3)
        lines = o3d.geometry.LineSet(
            o3d.utility.Vector3dVector(ends),
            o3d.utility.Vector2iVector(np.arange(len(ends)).reshape(-1, 2)),
        )
        lines.paint_uniform_color(arrays[name.replace("lines", "color")])
        made.append(lines)
    for old in drawn:
        window.remove_geometry(old, reset_bounding_box=False)
    for new in made:
        window.add_geometry(new, reset_bounding_box=first)
    if first:
        window.get_render_option().mesh_show_back_face = not bool(arrays["inside"])
        control = window.get_view_control()
        parameters = control.convert_to_pinhole_camera_parameters()
        width, height = parameters.intrinsic.width, parameters.intrinsic.height
        focal = 0.5 * height / np.tan(np.radians(float(arrays["fov"])) / 2)
        parameters.extrinsic = np.linalg.inv(arrays["pose"])
        parameters.intrinsic = o3d.camera.PinholeCameraIntrinsic(
            width, height, focal, focal, width / 2 - 0.5, height / 2 - 0.5
        )
        control.convert_from_pinhole_camera_parameters(parameters, allow_arbitrary=True)
    return made


if __name__ == "__main__":
    try:
        watch(Path(sys.argv[1]), int(sys.argv[2]))
    except UserError as error:
        sys.exit(f"neurfield: {error}")
