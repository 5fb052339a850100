"""A texture as colours of vertices, of which there are made so many that its picture is seen."""

from __future__ import annotations

from typing import Any

import numpy as np
import trimesh
from trimesh.visual import TextureVisuals

from neurfield.viewer.layers import Triangles, unit

MOST_FACES = 600_000  # that a texture is spread over: as many as a page is sent as they are (`web.packed`)
_FINE = 1.5  # texels along a side that a triangle need not be finer than
_ROUNDS = 8  # of halving sides


def spread(triangles: Triangles, mesh: trimesh.Trimesh, most: int = MOST_FACES) -> Triangles:
    """Triangles with the colours of a mesh's texture: those with many texels are split, the longest first.

    New vertices lie in the middle of sides, so that the surface stays the same. A mesh without a texture
    comes back as it was.

    Args:
        triangles: those of the mesh, with its vertices.
        mesh: whose texture it is.
        most: faces; when there are so many, no more are split.
    """
    picture = _picture_of(mesh)
    if picture is None:
        return triangles
    visual: Any = mesh.visual
    vertices, faces = triangles.vertices, triangles.faces
    values = {"normals": triangles.normals, "uv": np.asarray(visual.uv, float)}
    for _ in range(_ROUNDS):
        sides = _longest_side(values["uv"] * picture.size, faces)
        split = np.flatnonzero(sides > _FINE)
        room = max(most - len(faces), 0) // 3  # one becomes four
        if len(split) > room:
            split = split[np.argsort(-sides[split], kind="stable")[:room]]
        if not len(split):
            break
        vertices, faces, values = trimesh.remesh.subdivide(vertices, faces, split, vertex_attributes=values)
    colors = TextureVisuals(uv=values["uv"], material=visual.material).to_color().vertex_colors
    return Triangles(
        np.asarray(vertices, np.float32),
        np.ascontiguousarray(faces, np.int32),
        unit(values["normals"]),
        np.ascontiguousarray(colors[:, :3], np.uint8),
    )


def _picture_of(mesh: trimesh.Trimesh) -> Any:
    """The picture of PIL that a mesh's colours lie in, or None."""
    visual = mesh.visual
    if not isinstance(visual, TextureVisuals) or np.shape(visual.uv) != (len(mesh.vertices), 2):
        return None
    pictures = (getattr(visual.material, name, None) for name in ("baseColorTexture", "image"))
    return next((picture for picture in pictures if picture is not None), None)


def _longest_side(texels: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """The longest side [f] of faces [f, 3] whose corners lie at texels [v, 2]."""
    corners = texels[faces]
    return np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2).max(axis=1)
