"""Mesh files as triangles, whatever their format."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import trimesh
from trimesh.visual import ColorVisuals

from neurfield.errors import UserError
from neurfield.far import read_shift

MESH_SUFFIXES = (".ply", ".obj", ".glb", ".gltf", ".stl", ".off")


def read_mesh(path: Path) -> trimesh.Trimesh:
    """A mesh file as triangles, colours in sRGB.

    Vertices are as they are in the file, with what is written beside it added (see `neurfield.far`).

    Raises:
        UserError: it is missing, unreadable, or holds no triangles.
    """
    if not path.is_file():
        raise UserError(f"{path}: there is no such mesh file")
    try:
        mesh = trimesh.load(path, force="mesh", process=False)
    except Exception as reason:  # trimesh's loaders raise whatever their parsers meet
        endings = ", ".join(MESH_SUFFIXES)
        raise UserError(f"{path}: not a readable mesh ({reason}); formats: {endings}") from reason
    if not isinstance(mesh, trimesh.Trimesh) or not len(mesh.faces):
        raise UserError(f"{path}: holds no triangles; give a surface, not points")
    if path.suffix.lower() in (".glb", ".gltf"):
        _colors_of_gltf(mesh, path)
    shift = read_shift(path)
    if shift.any():
        mesh.vertices = np.asarray(mesh.vertices) + shift
    return mesh


def srgb_of_linear(linear: np.ndarray) -> np.ndarray:
    """sRGB values of linear ones, both 0..1 (IEC 61966-2-1)."""
    linear = np.clip(linear, 0.0, 1.0)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


def _colors_of_gltf(mesh: trimesh.Trimesh, path: Path) -> None:
    """Colours of a glTF's vertices are linear; ours are sRGB, as in every other format."""
    visual = mesh.visual
    if not isinstance(visual, ColorVisuals) or visual.kind != "vertex":
        return
    linear = np.asarray(visual.vertex_colors) / 255.0
    exact = _exact_colors(path)
    if exact is not None and len(exact) == len(mesh.vertices):
        linear[:, :3] = exact
    linear[:, :3] = srgb_of_linear(linear[:, :3])
    visual.vertex_colors = np.rint(255.0 * linear).astype(np.uint8)


def _exact_colors(path: Path) -> np.ndarray | None:
    """Linear colours [v, 3] in 0..1 of a .glb of one mesh, else None.

    Trimesh rounds them to bytes, which dark ones do not survive.
    """
    if path.suffix.lower() != ".glb":
        return None
    from trimesh.exchange.gltf import load_glb

    with path.open("rb") as file:
        parts = list(load_glb(file)["geometry"].values())
    colors = np.asarray(parts[0].get("vertex_colors", ())) if len(parts) == 1 else np.zeros(0)
    if colors.ndim != 2:
        return None
    most = 1.0 if colors.dtype.kind == "f" else float(np.iinfo(colors.dtype).max)
    return colors[:, :3].astype(np.float64) / most
