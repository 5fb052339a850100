"""What all pictures of meshes share: the lamp near the eye, clay, colours and normals of vertices."""

from __future__ import annotations

import numpy as np
import trimesh
from trimesh.visual import ColorVisuals, TextureVisuals

from neurfield.report.viewpoints import Viewpoint

CLAY = np.array([0.80, 0.78, 0.74])
# Towards the lamp in the camera's axes: over the viewer's left shoulder, so that walls and floor differ in
# brightness.
_TO_LAMP = np.array([-0.3, -0.6, -1.0]) / np.linalg.norm([-0.3, -0.6, -1.0])


def lamp_of(view: Viewpoint) -> np.ndarray:
    """Unit [3] towards the lamp, for all who look on from this viewpoint or go on from there."""
    return view.world_from_cam[:3, :3] @ _TO_LAMP


def vertex_normals(faces: np.ndarray, face_normals: np.ndarray, count: int) -> np.ndarray:
    """Sums [count,3] of the area-weighted normals [f,3] of the faces [f,3] around each vertex."""
    return np.stack(
        [
            sum(np.bincount(faces[:, corner], face_normals[:, axis], minlength=count) for corner in range(3))
            for axis in range(3)
        ],
        axis=1,
    )  # fmt: skip


def vertex_colors_of(mesh: trimesh.Trimesh) -> np.ndarray | None:
    """Vertex colours [v,3] in 0..1, those of a texture where vertices lie in it; None for a mesh without."""
    visual = mesh.visual
    if isinstance(visual, TextureVisuals) and visual.uv is not None:
        pictures = (getattr(visual.material, name, None) for name in ("baseColorTexture", "image"))
        visual = visual.to_color() if any(picture is not None for picture in pictures) else None
    if not isinstance(visual, ColorVisuals) or visual.kind != "vertex":
        return None
    return np.asarray(visual.vertex_colors)[:, :3] / 255.0


def to_bytes(image: np.ndarray) -> np.ndarray:
    """Values in 0..1 (others are cut there) as uint8 of the same shape."""
    return (np.clip(image, 0.0, 1.0) * 255.0 + 0.5).astype(np.uint8)
