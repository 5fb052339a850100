"""Mesh files as triangles, whatever their format."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import trimesh
from trimesh.visual import ColorVisuals

from neurfield.errors import UserError
from neurfield.gltf import ENDINGS, in_world, loading_options, opacities, srgb_of_vertices
from neurfield.surface_file import unreadable, with_material_colors

MESH_SUFFIXES = (".ply", ".obj", ".glb", ".gltf", ".stl", ".off")


def read_mesh(path: Path) -> trimesh.Trimesh:
    """A mesh file as triangles, colours in sRGB; their fourth is how opaque a material says that they are.

    Vertices are as they are in the file, with what is written beside it added (see `neurfield.far`); of a
    .glb of ours they are back in the world that it was made in.

    Raises:
        UserError: it is missing, unreadable, or holds no triangles.
    """
    if not path.is_file():
        raise UserError(f"{path}: there is no such mesh file")
    try:
        scene = trimesh.load_scene(path, process=False, **loading_options(path))
        mesh = _one_mesh(_with_opacities(with_material_colors(scene), path))
    except Exception as reason:  # trimesh's loaders raise whatever their parsers meet
        raise unreadable(path, reason) from reason
    if not isinstance(mesh, trimesh.Trimesh) or not len(mesh.faces):
        raise UserError(f"{path}: holds no triangles; give a surface, not points")
    visual = mesh.visual
    if isinstance(visual, ColorVisuals) and visual.kind == "vertex":
        visual.vertex_colors = srgb_of_vertices(path, np.asarray(visual.vertex_colors))
    mesh.vertices = in_world(path, mesh.vertices)
    return mesh


def _with_opacities(scene: trimesh.Scene, path: Path) -> trimesh.Scene:
    """The scene whose colours' fourth says what is seen through, which files' colours alone do not mean."""
    ending = path.suffix.lower()
    if ending == ".obj":
        return scene
    each = opacities(path) if ending in ENDINGS else []
    parts = list(scene.geometry.values())
    for part, opacity in zip(parts, each if len(each) == len(parts) else [None] * len(parts)):
        visual = part.visual if isinstance(part, trimesh.Trimesh) else None
        if not isinstance(visual, ColorVisuals) or visual.kind != "vertex":
            continue
        colors = np.array(visual.vertex_colors)
        opaque = np.full(len(colors), 255.0) if opacity is None else opacity * colors[:, 3]
        if (opaque != colors[:, 3]).any():
            colors[:, 3] = np.rint(opaque)
            visual.vertex_colors = colors
    return scene


def _one_mesh(scene: trimesh.Scene) -> object:
    """All triangles of a scene; a single mesh that lies where the scene has it is not copied."""
    if len(scene.geometry) == 1 and len(scene.graph.nodes_geometry) == 1:
        place, name = scene.graph[scene.graph.nodes_geometry[0]]
        mesh = scene.geometry[name]
        if isinstance(mesh, trimesh.Trimesh) and np.array_equal(place, np.eye(4)):
            return mesh
    return scene.to_mesh()
