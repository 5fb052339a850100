"""A surface from a file: a mesh, or the points that a scanner left."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import trimesh

from neurfield.errors import UserError
from neurfield.gltf import in_world, loading_options

Surface = trimesh.Trimesh | trimesh.PointCloud


def read_surface(path: str | Path) -> Surface:
    """The triangles of a file (ply, obj, glb, stl, off), or the points (ply, xyz).

    They are in the world that the file was made of (`neurfield.gltf.in_world`).

    Raises:
        UserError: the file is missing, unreadable, or holds neither.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise UserError(f"{path}: there is no such mesh file")
    try:
        surface = trimesh.load(path, process=False, **loading_options(path))
        if isinstance(surface, trimesh.Scene):
            surface = trimesh.load(path, force="mesh", process=False, **loading_options(path))
    except Exception as reason:  # trimesh's loaders raise whatever their parsers meet
        raise UserError(
            f"{path}: not a readable mesh ({type(reason).__name__}): copy it again, or move it away"
        ) from reason
    vertices = np.asarray(getattr(surface, "vertices", np.zeros((0, 3))))
    if not len(vertices):
        raise UserError(f"{path}: holds neither triangles nor points: copy it again, or move it away")
    if not (isinstance(surface, trimesh.Trimesh) and len(surface.faces)):
        surface = trimesh.PointCloud(vertices)
    surface.vertices = in_world(path, vertices)
    return surface
