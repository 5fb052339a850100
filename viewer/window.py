"""A plain window: turn, zoom and pan a mesh with the mouse; cameras and box around it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import trimesh

from neurfield.errors import UserError
from neurfield.optional import require
from neurfield.report.shade import vertex_colors_of
from neurfield.viewer.content import Content
from neurfield.viewer.layers import Lines, Triangles
from neurfield.viewer.offscreen import has_display

_WIDTH, _HEIGHT = 1280, 800
KEYS = "mouse: turn, wheel: zoom, ctrl+mouse: move, B: back faces, L: cameras and box, Q: close"


def open_window(content: Content) -> None:
    """Show the content until the window is closed.

    A room is looked into from outside: faces that turn away are not drawn, until B shows them.

    Raises:
        UserError: there is no display here, or Open3D is missing or cannot open a window.
    """
    if not has_display():
        raise UserError("there is no display here: use --screenshot out.png, or copy the run to a desktop")
    o3d = require("open3d", extra="viewer")
    window = o3d.visualization.VisualizerWithKeyCallback()
    if not window.create_window(f"neurfield: {content.title}", _WIDTH, _HEIGHT):
        raise UserError(
            "Open3D cannot open a window here: use --screenshot out.png, and see `neurfield doctor`"
        )
    on = [layer.geometry for layer in content.layers if layer.on]
    lines = [_line_set(o3d, item) for item in on if isinstance(item, Lines)]
    surfaces = [_triangle_mesh(o3d, item.mesh) for item in on if isinstance(item, Triangles)]
    for geometry in [*surfaces, *lines]:
        window.add_geometry(geometry)
    options = window.get_render_option()
    options.mesh_show_back_face = content.kind != "inside"
    options.background_color = np.ones(3)
    _place_eye(o3d, window, content)
    window.register_key_callback(ord("B"), _toggle_back_faces)
    window.register_key_callback(ord("L"), _line_toggle(lines))
    window.run()
    window.destroy_window()


def _triangle_mesh(o3d: Any, mesh: trimesh.Trimesh) -> Any:
    shown = o3d.geometry.TriangleMesh(
        o3d.utility.Vector3dVector(np.asarray(mesh.vertices)),
        o3d.utility.Vector3iVector(np.asarray(mesh.faces)),
    )
    colors = vertex_colors_of(mesh)
    if colors is None:
        shown.paint_uniform_color([0.8, 0.78, 0.74])
    else:
        shown.vertex_colors = o3d.utility.Vector3dVector(colors)
    shown.compute_vertex_normals()
    return shown


def _line_set(o3d: Any, lines: Lines) -> Any:
    ends = lines.ends.reshape(-1, 3)
    drawn = o3d.geometry.LineSet(
        o3d.utility.Vector3dVector(ends), o3d.utility.Vector2iVector(np.arange(len(ends)).reshape(-1, 2))
    )
    drawn.paint_uniform_color(lines.color)
    return drawn


def _place_eye(o3d: Any, window: Any, content: Content) -> None:
    """Put the eye at the content's default viewpoint; the mouse goes on from there."""
    control = window.get_view_control()
    parameters = control.convert_to_pinhole_camera_parameters()
    view = content.viewpoint(parameters.intrinsic.width / parameters.intrinsic.height)
    parameters.extrinsic = np.linalg.inv(view.world_from_cam)
    width, height = parameters.intrinsic.width, parameters.intrinsic.height
    focal = 0.5 * height / np.tan(np.radians(view.fov) / 2)
    parameters.intrinsic = o3d.camera.PinholeCameraIntrinsic(
        width, height, focal, focal, width / 2 - 0.5, height / 2 - 0.5
    )
    control.convert_from_pinhole_camera_parameters(parameters, allow_arbitrary=True)


def _toggle_back_faces(window: Any) -> bool:
    options = window.get_render_option()
    options.mesh_show_back_face = not options.mesh_show_back_face
    return True


def _line_toggle(lines: list[Any]) -> Callable[[Any], bool]:
    """A key's callback that hides the lines and shows them again."""
    shown = [True]

    def toggle(window: Any) -> bool:
        shown[0] = not shown[0]
        for item in lines:
            if shown[0]:
                window.add_geometry(item, reset_bounding_box=False)
            else:
                window.remove_geometry(item, reset_bounding_box=False)
        return True

    return toggle
