"""A surface from a file: a mesh, or the points that a scanner left."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import trimesh

from neurfield.errors import UserError
from neurfield.far import read_shift

Surface = trimesh.Trimesh | trimesh.PointCloud


def read_surface(path: str | Path) -> Surface:
    """The triangles of a file (ply, obj, glb, stl, off), or the points (ply, xyz).

    They are moved by the shift that is written beside the file, if one is (`neurfield.far`).

    Raises:
        UserError: the file is missing, unreadable, or holds neither.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        raise UserError(f"{path}: there is no such mesh file")
    try:
        surface = trimesh.load(path, process=False)
        if isinstance(surface, trimesh.Scene):
            surface = trimesh.load(path, force="mesh", process=False)
    except Exception as reason:  # trimesh's loaders raise whatever their parsers meet
        raise UserError(
            f"{path}: not a readable mesh ({type(reason).__name__}): copy it again, or move it away"
        ) from reason
    vertices = np.asarray(getattr(surface, "vertices", np.zeros((0, 3))))
    if not len(vertices):
        raise UserError(f"{path}: holds neither triangles nor points: copy it again, or move it away")
    if not (isinstance(surface, trimesh.Trimesh) and len(surface.faces)):
        surface = trimesh.PointCloud(vertices)
    shift = read_shift(path)
    if shift.any():
        surface.vertices = vertices + shift
    return surface
