"""Mesh files as triangles, whatever their format."""

from __future__ import annotations

from pathlib import Path

import trimesh

from neurfield.errors import UserError

MESH_SUFFIXES = (".ply", ".obj", ".glb", ".gltf", ".stl", ".off")


def read_mesh(path: Path) -> trimesh.Trimesh:
    """A mesh file as triangles, vertices as they are in the file.

    Raises:
        UserError: it is missing, unreadable, or holds no triangles.
    """
    if not path.is_file():
        raise UserError(f"{path}: there is no such mesh file")
    try:
        mesh = trimesh.load(path, force="mesh", process=False)
    except Exception as reason:  # trimesh's loaders raise whatever their parsers meet
        known = ", ".join(MESH_SUFFIXES)
        raise UserError(f"{path}: not a readable mesh ({reason}); formats: {known}") from reason
    if not isinstance(mesh, trimesh.Trimesh) or not len(mesh.faces):
        raise UserError(f"{path}: holds no triangles; give a surface, not points")
    return mesh
