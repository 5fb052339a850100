"""What a glTF file says beside its triangles: where its world is, and how its colours are meant.

A .glb of ours stands upright by its nodes' matrices (`neurfield.surfaces.glb`): viewers take +Y for up.
Whoever reads one of ours wants the world that it was made in.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from neurfield.far import read_shift

WORLD = "world_from_node"  # in a node's extras: what brings its vertices back to the world that they are of
ENDINGS = (".glb", ".gltf")


def loading_options(path: Path) -> dict[str, Any]:
    """What trimesh is to be told for a mesh file: beside a material it hides the colours of vertices.

    Where only some parts have such colours, `neurfield.surface_file.with_material_colors` finds them.

    Raises:
        ValueError: a .glb that is none.
    """
    tree = _tree(path)
    if tree is None or tree.get("images"):
        return {}
    parts = [part for mesh in tree.get("meshes", ()) for part in mesh.get("primitives", ())]
    at_vertices = all("COLOR_0" in part.get("attributes", {}) for part in parts)
    return {"skip_materials": True} if at_vertices or not any("material" in part for part in parts) else {}


def opacities(path: Path) -> list[float | None]:
    """How opaque each part of a glTF is, in the order of its meshes and their primitives.

    None: nothing is seen through it, whatever its colours say. Of a material whose alphaMode is BLEND it is
    baseColorFactor's fourth, and colours' fourth is multiplied by it (glTF 2.0, section 3.9.4).
    """
    tree = _tree(path) or {}
    materials = tree.get("materials", [])
    found: list[float | None] = []
    for mesh in tree.get("meshes", ()):
        for part in mesh.get("primitives", ()):
            its = materials[part["material"]] if "material" in part else {}
            factor = its.get("pbrMetallicRoughness", {}).get("baseColorFactor", (1.0, 1.0, 1.0, 1.0))
            found.append(float(factor[3]) if its.get("alphaMode") == "BLEND" else None)
    return found


def has_glass(path: Path) -> bool:
    """Whether a file is a glTF of which some is seen through."""
    try:
        return path.is_file() and any(opacity is not None for opacity in opacities(path))
    except (OSError, ValueError):
        return False


def in_world(path: Path, vertices: np.ndarray) -> np.ndarray:
    """Vertices [v, 3] that were read of a mesh file, float64, in the world that they are of.

    The shift beside the file is added (`neurfield.far`), and a .glb of ours is turned back.
    """
    vertices = np.asarray(vertices, dtype=np.float64)
    back = _world(_tree(path))
    if back is not None:
        vertices = vertices @ back[:3, :3].T + back[:3, 3]
    shift = read_shift(path)
    return vertices + shift if shift.any() else vertices


def srgb_of_linear(linear: np.ndarray) -> np.ndarray:
    """sRGB values of linear ones, both 0..1 (IEC 61966-2-1)."""
    linear = np.clip(linear, 0.0, 1.0)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


def srgb_of_vertices(path: Path, colors: np.ndarray) -> np.ndarray:
    """Colours uint8 [v, 3 or 4] of vertices as sRGB, which trimesh reads as they are: a glTF has linear ones.

    Trimesh rounds them to bytes, which dark ones do not survive: of a .glb of one mesh they are read again.
    """
    if path.suffix.lower() not in ENDINGS:
        return colors
    linear = np.asarray(colors) / 255.0
    exact = _exact_colors(path)
    if exact is not None and len(exact) == len(linear):
        linear[:, :3] = exact
    linear[:, :3] = srgb_of_linear(linear[:, :3])
    return np.rint(255.0 * linear).astype(np.uint8)


def _tree(path: Path) -> dict[str, Any] | None:
    """What a glTF's JSON says; None: it is none."""
    if path.suffix.lower() == ".gltf":
        return dict(json.loads(path.read_text("utf-8")))
    if path.suffix.lower() != ".glb":
        return None
    with path.open("rb") as file:
        length = int.from_bytes(file.read(20)[12:16], "little")  # of the first chunk, JSON
        return dict(json.loads(file.read(length)))


def _world(tree: dict[str, Any] | None) -> np.ndarray | None:
    """What takes a .glb of ours from upright back to its world, 4x4; None: it is another's."""
    for node in () if tree is None else tree.get("nodes", ()):
        back = (node.get("extras") or {}).get(WORLD)
        if back is not None:
            placed = np.reshape(node.get("matrix", np.eye(4)), (4, 4)).T
            return np.asarray(np.reshape(back, (4, 4)).T @ np.linalg.inv(placed))
    return None


def _exact_colors(path: Path) -> np.ndarray | None:
    """Linear colours [v, 3] in 0..1 of a .glb of one mesh, else None."""
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
