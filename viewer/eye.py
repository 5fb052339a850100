"""The eye of the window: where it is, where it looks, and the ray through a pixel."""

from __future__ import annotations

from typing import Any

import numpy as np

from neurfield.viewer.content import Content

# From OpenGL's camera axes to OpenCV's.
_FLIP = np.diag([1.0, -1.0, -1.0, 1.0])
_NEAR, _FAR = 1e-3, 20.0  # of the box's diagonal


class Eye:
    """The camera of a scene widget of Open3D.

    Args:
        o3d: the module.
        view: the widget.
        content: what is looked at.
    """

    def __init__(self, o3d: Any, view: Any, content: Content) -> None:
        self._view, self._content = view, content
        self._camera = view.scene.camera
        self._vertical = o3d.visualization.rendering.Camera.FovType.Vertical
        self._controls = o3d.visualization.gui.SceneWidget.Controls
        self._bounds = o3d.geometry.AxisAlignedBoundingBox(*np.asarray(content.box, float))
        self._last = np.zeros((4, 4))
        self.fov = content.viewpoint(1.6).fov

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of what it sees, pixels."""
        return max(1, self._view.frame.width), max(1, self._view.frame.height)

    @property
    def world_from_cam(self) -> np.ndarray:
        """Its pose [4, 4] as shown, OpenCV's axes."""
        pose = np.asarray(self._camera.get_model_matrix(), float) @ _FLIP
        left, _, right = np.linalg.svd(pose[:3, :3])  # floats of the graphics are not quite a rotation
        pose[:3, :3] = left @ right
        return pose

    @property
    def place(self) -> np.ndarray:
        """Where it is [3], as shown."""
        return np.asarray(self._camera.get_model_matrix(), float)[:3, 3]

    def reset(self) -> None:
        """Look from where one sees most."""
        width, height = self.size
        viewpoint = self._content.viewpoint(width / height)
        self.fov = viewpoint.fov
        middle = self._content.box.mean(axis=0)
        self._view.setup_camera(self.fov, self._bounds, middle)
        pose = viewpoint.world_from_cam
        ahead = float((middle - pose[:3, 3]) @ pose[:3, 2])
        self._view.center_of_rotation = middle
        self._view.look_at(pose[:3, 3] + ahead * pose[:3, 2], pose[:3, 3], -pose[:3, 1])
        self.resized()

    def resized(self) -> None:
        """Keep the vertical field of view in a window of another shape."""
        width, height = self.size
        diagonal = float(np.linalg.norm(np.ptp(self._content.box, axis=0)))
        self._camera.set_projection(
            self.fov, width / height, _NEAR * diagonal, _FAR * diagonal, self._vertical
        )

    def walk(self, on: bool) -> None:
        """Whether the mouse looks around from where it is, or turns what is looked at."""
        self._view.set_view_controls(self._controls.FLY if on else self._controls.ROTATE_CAMERA)

    def has_moved(self) -> bool:
        """Whether it moved since this was last asked."""
        now = np.asarray(self._camera.get_model_matrix(), float)
        if np.array_equal(now, self._last):
            return False
        self._last = now
        return True

    def ray(self, x: float, y: float) -> tuple[np.ndarray, np.ndarray]:
        """Origin [3] and direction [3] of the ray through a pixel of the view."""
        width, height = self.size
        focal = 0.5 * height / np.tan(np.radians(self.fov) / 2)
        in_cam = np.array([(x + 0.5 - width / 2) / focal, (y + 0.5 - height / 2) / focal, 1.0])
        pose = self.world_from_cam
        return pose[:3, 3], pose[:3, :3] @ in_cam
