"""Mesh files as triangles, whatever their format."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import trimesh
from trimesh.visual import ColorVisuals

from neurfield.errors import UserError
from neurfield.far import read_shift
from neurfield.surfaces.glb import WORLD

MESH_SUFFIXES = (".ply", ".obj", ".glb", ".gltf", ".stl", ".off")


def read_mesh(path: Path) -> trimesh.Trimesh:
    """A mesh file as triangles, colours in sRGB.

    Vertices are as they are in the file, with what is written beside it added (see `neurfield.far`); of a
    .glb of ours they are back in the world that it was made in.

    Raises:
        UserError: it is missing, unreadable, or holds no triangles.
    """
    if not path.is_file():
        raise UserError(f"{path}: there is no such mesh file")
    try:
        # Beside a material trimesh hides the colours of vertices.
        tree = _tree_of_glb(path)
        plain: dict[str, Any] = {} if tree is None or tree.get("images") else {"skip_materials": True}
        mesh = trimesh.load(path, force="mesh", process=False, **plain)
    except Exception as reason:  # trimesh's loaders raise whatever their parsers meet
        endings = ", ".join(MESH_SUFFIXES)
        raise UserError(f"{path}: not a readable mesh ({reason}); formats: {endings}") from reason
    if not isinstance(mesh, trimesh.Trimesh) or not len(mesh.faces):
        raise UserError(f"{path}: holds no triangles; give a surface, not points")
    if path.suffix.lower() in (".glb", ".gltf"):
        _colors_of_gltf(mesh, path)
        world = None if tree is None else _world_of(tree)
        if world is not None:
            mesh.apply_transform(world)
    shift = read_shift(path)
    if shift.any():
        mesh.vertices = np.asarray(mesh.vertices) + shift
    return mesh


def _tree_of_glb(path: Path) -> dict[str, Any] | None:
    """What a .glb's JSON says; None: it is none."""
    if path.suffix.lower() != ".glb":
        return None
    with path.open("rb") as file:
        length = int.from_bytes(file.read(20)[12:16], "little")  # of the first chunk, JSON
        return dict(json.loads(file.read(length)))


def _world_of(tree: dict[str, Any]) -> np.ndarray | None:
    """What takes a .glb of ours from upright back to its world, 4x4; None: it is another's."""
    for node in tree.get("nodes", ()):
        back = (node.get("extras") or {}).get(WORLD)
        if back is not None:
            placed = np.reshape(node.get("matrix", np.eye(4)), (4, 4)).T
            return np.asarray(np.reshape(back, (4, 4)).T @ np.linalg.inv(placed))
    return None


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
        parts = list(load_glb(file, skip_materials=True)["geometry"].values())
    colors = np.asarray(parts[0].get("vertex_colors", ())) if len(parts) == 1 else np.zeros(0)
    if colors.ndim != 2:
        return None
    most = 1.0 if colors.dtype.kind == "f" else float(np.iinfo(colors.dtype).max)
    return colors[:, :3].astype(np.float64) / most
