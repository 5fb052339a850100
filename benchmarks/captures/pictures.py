"""Photos, and the mesh from where they were taken, side by side."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import trimesh
from PIL import Image

from benchmarks.mesh_shader import MeshShader
from neurfield.files import atomic_write
from neurfield.report.viewpoints import Viewpoint
from neurfield.scenes.scene import Scene

_WIDTH = 480  # pixels of a panel


def save_beside(path: Path, scene: Scene, mesh: trimesh.Trimesh, frames: list[int]) -> Path:
    """A row a frame: the photo, the mesh in its colours and as clay from the same camera.

    Faces that turn away are left out where cameras look out of the scene, as in reports.
    """
    shader = MeshShader(mesh)
    rows = []
    for i in frames:
        cameras = scene.cameras
        h, w = int(cameras.height[i]), int(cameras.width[i])
        size = _WIDTH, round(_WIDTH * h / w)
        view = Viewpoint(cameras.world_from_cam[i], float(np.degrees(2 * np.arctan(0.5 * h / cameras.fy[i]))))
        drawn = shader.draw(view, *size, cull=scene.kind == "inside")
        photo = np.asarray(Image.fromarray(scene.image(i)).resize(size, Image.Resampling.BOX))
        rows.append(np.hstack([photo, drawn.color, drawn.clay]))
    narrowest = min(row.shape[0] for row in rows)
    with atomic_write(path) as temporary:
        Image.fromarray(np.vstack([row[:narrowest] for row in rows])).save(temporary, format="png")
    return path
