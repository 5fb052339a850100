"""Fewer triangles for the same surface."""

from __future__ import annotations

import numpy as np
import trimesh
from trimesh.visual import ColorVisuals

from neurfield.errors import UserError
from neurfield.optional import require

_BORDER = 10.0  # how much leaving a border's plane weighs beside leaving a face's


def decimate(mesh: trimesh.Trimesh, faces: int) -> trimesh.Trimesh:
    """The mesh with about so many triangles, by collapsing edges; the input is not changed.

    Borders are held by planes through them that stand on their faces; colours are those of what was merged.
    Open3D does it (`pip install "neurfield[viewer]"`); Garland and Heckbert, Surface simplification using
    quadric error metrics, SIGGRAPH 1997.

    Args:
        mesh: with vertex colours or without.
        faces: how many triangles shall be left; where there are no more, the mesh is returned as it is.

    Raises:
        UserError: `faces` is not positive, Open3D is not there, or nothing would be left.
    """
    if faces < 1:
        raise UserError(f"faces {faces}: at least 1 is needed")
    if faces >= len(mesh.faces):
        return mesh
    o3d = require("open3d", "viewer")
    vertices = np.asarray(mesh.vertices, dtype=np.float64)
    middle = 0.5 * (vertices.min(axis=0) + vertices.max(axis=0))
    size = float(np.ptp(vertices, axis=0).max()) or 1.0
    given = o3d.geometry.TriangleMesh(
        o3d.utility.Vector3dVector((vertices - middle) / size),
        o3d.utility.Vector3iVector(np.asarray(mesh.faces, dtype=np.int32)),
    )
    colors = _colors(mesh)
    if colors is not None:
        given.vertex_colors = o3d.utility.Vector3dVector(colors / 255.0)
    small = given.simplify_quadric_decimation(faces, boundary_weight=_BORDER)
    small.remove_unreferenced_vertices()
    result = trimesh.Trimesh(
        np.asarray(small.vertices) * size + middle, np.asarray(small.triangles, dtype=np.int64), process=False
    )
    if not len(result.faces):
        raise UserError(f"faces {faces}: nothing would be left of the mesh: ask for more")
    if colors is not None:
        rgb = np.rint(255.0 * np.clip(np.asarray(small.vertex_colors), 0.0, 1.0)).astype(np.uint8)
        result.visual = ColorVisuals(result, vertex_colors=rgb)
    result.metadata.update(mesh.metadata)
    return result


def _colors(mesh: trimesh.Trimesh) -> np.ndarray | None:
    """RGB [v, 3] of the vertices, 0 to 255; None where they have none."""
    visual = mesh.visual
    if not isinstance(visual, ColorVisuals) or visual.kind != "vertex":
        return None
    return np.asarray(visual.vertex_colors, dtype=np.float64)[:, :3]
