"""Geometry of layers as nodes of a page's scene."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from neurfield.viewer.glass import by_opacity
from neurfield.viewer.layers import Geometry, Lines, Pictures, Points, Triangles
from neurfield.viewer.shell import fewer
from neurfield.viewer.web.packed import MOST_FACES, glb_of

_LINE = 1.4  # pixels
_POINT = 1 / 700  # of the box's diagonal


def add_geometry(
    scene: Any, name: str, geometry: Geometry, box: np.ndarray, cull: bool = False, most: int = MOST_FACES
) -> list[Any]:
    """Nodes that show a geometry, to be taken away by their `remove()`.

    Args:
        scene: of a server, or of one of its clients.
        name: of the node.
        geometry: of a layer.
        box: [2, 3] that points are sized for.
        cull: faces that turn away are not drawn.
        most: triangles that are sent.
    """
    if isinstance(geometry, Triangles):
        # A page's bytes are reckoned for one surface: glass beside it takes a quarter of one.
        shown = fewer(geometry, most if geometry.opacity is None else most // 4)
        return [
            scene.add_glb(
                f"{name}/{i}",
                glb_of(part, cull and part.lit, opacity),
                cast_shadow=False,
                receive_shadow=False,
            )
            for i, (opacity, part) in enumerate(by_opacity(shown))
            if len(part.faces)
        ]
    if isinstance(geometry, Lines):
        color = tuple(round(255 * part) for part in geometry.color)
        return [
            scene.add_line_segments(
                name, geometry.ends.astype(np.float32), color, thickness=_LINE, thickness_units="screen"
            )
        ]
    if isinstance(geometry, Points):
        size = _POINT * float(np.linalg.norm(np.ptp(box, axis=0)))
        return [
            scene.add_point_cloud(
                name, geometry.places, geometry.colors, point_size=size, point_shape="circle",
                point_shading="flat", precision="float32",
            )
        ]  # fmt: skip
    return [
        _picture(scene, f"{name}/{i}", quad, image)
        for i, (quad, image) in enumerate(zip(geometry.quads, geometry.images))
    ]


def _picture(scene: Any, name: str, quad: np.ndarray, image: np.ndarray) -> Any:
    """A flat picture whose corners [4, 3] are those of `Pictures`."""
    across, down = quad[1] - quad[0], quad[3] - quad[0]
    width, height = float(np.linalg.norm(across)), float(np.linalg.norm(down))
    axes = np.stack([across / width, down / height, np.cross(across, down) / (width * height)], axis=1)
    x, y, z, w = Rotation.from_matrix(axes).as_quat()
    return scene.add_image(
        name, image, width, height, wxyz=(w, x, y, z), position=tuple(quad.mean(axis=0)), jpeg_quality=92,
        cast_shadow=False, receive_shadow=False,
    )  # fmt: skip


def is_large(geometry: Geometry) -> bool:
    """Whether fewer triangles are sent than there are."""
    return isinstance(geometry, Triangles) and len(geometry.faces) > MOST_FACES


def scale_of(geometry: Geometry) -> Any:
    """What the colours of a geometry mean (`palettes.Scale`); None: they are no numbers."""
    return geometry.scale if isinstance(geometry, (Triangles, Pictures)) else None
