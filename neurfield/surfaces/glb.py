"""GLB as glTF 2.0 means it: vertex colours are linear, and a place far from zero is the node's translation.

JSON writes that translation in full, where vertices in float32 could not hold it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import trimesh
from trimesh.exchange.gltf import export_glb
from trimesh.visual import ColorVisuals

from neurfield.surfaces.ply import stored_normals

_COLORS = "_LINEAR"  # the attribute's name on its way through trimesh, which writes sRGB bytes as COLOR_0


def glb_bytes(mesh: trimesh.Trimesh, shift: np.ndarray) -> bytes:
    """A GLB of one mesh, its vertices counted from `shift` [3].

    COLOR_0 is linear (glTF 2.0, section 3.9.2: a factor of the linear base colour), as floats: in bytes, dark
    colours would lose their steps.
    """
    scene = trimesh.Scene()
    scene.add_geometry(_bare(mesh, shift), transform=trimesh.transformations.translation_matrix(shift))
    return bytes(export_glb(scene, tree_postprocessor=_name_colors))


def scene_glb_bytes(meshes: Mapping[str, trimesh.Trimesh], shift: np.ndarray) -> bytes:
    """A GLB with a node for each of some meshes, called by its name; else as `glb_bytes`."""
    scene = trimesh.Scene()
    for name, mesh in meshes.items():
        scene.add_geometry(
            _bare(mesh, shift), node_name=name, geom_name=name,
            transform=trimesh.transformations.translation_matrix(shift),
        )  # fmt: skip
    return bytes(export_glb(scene, tree_postprocessor=_name_colors))


def linear_of_srgb(srgb: np.ndarray) -> np.ndarray:
    """Linear values of sRGB ones, both 0..1 (IEC 61966-2-1)."""
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def _bare(mesh: trimesh.Trimesh, shift: np.ndarray) -> trimesh.Trimesh:
    """The mesh counted from `shift`, its colours linear."""
    bare = trimesh.Trimesh(np.asarray(mesh.vertices) - shift, mesh.faces, process=False)
    visual = mesh.visual
    if isinstance(visual, ColorVisuals) and visual.kind == "vertex":
        srgb = np.asarray(visual.vertex_colors)[:, :3] / 255.0
        bare.vertex_attributes[_COLORS] = linear_of_srgb(srgb).astype(np.float32)
    normals = stored_normals(mesh)
    if normals is not None:
        bare.vertex_normals = normals  # type: ignore[method-assign]
    return bare


def _name_colors(tree: dict[str, Any]) -> None:
    for mesh in tree.get("meshes", ()):
        for primitive in mesh["primitives"]:
            if _COLORS in primitive["attributes"]:
                primitive["attributes"]["COLOR_0"] = primitive["attributes"].pop(_COLORS)
