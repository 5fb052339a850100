"""Meshes to files."""

from __future__ import annotations

from pathlib import Path

import trimesh

from neurfield.errors import UserError
from neurfield.files import atomic_write

SUFFIXES = (".ply", ".obj", ".glb", ".stl")


def save_mesh(mesh: trimesh.Trimesh, path: str | Path) -> Path:
    """Write a mesh in its own frame and units, with its vertex colours where the format has them (not STL).

    The suffix decides: .ply (binary), .obj, .glb or .stl (binary). No axes are turned: glTF is Y-up by
    convention, and a .glb of a Z-up world shows lying on its side in viewers that take the convention at its
    word. The file is whole or not there.

    Raises:
        UserError: an unknown suffix, or a mesh without faces.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        kind = suffix or "a file without suffix"
        raise UserError(f"{path}: cannot write a mesh as {kind}; use {', '.join(SUFFIXES)}")
    if not len(mesh.faces):
        raise UserError(f"{path}: the mesh is empty, there is nothing to write")
    with atomic_write(path) as temporary:
        mesh.export(temporary, file_type=suffix[1:])
    return path
