"""A surface from a file: a mesh, or the points that a scanner left."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import trimesh

from neurfield.errors import UserError
from neurfield.gltf import in_world, loading_options

Surface = trimesh.Trimesh | trimesh.PointCloud


def unreadable(path: Path, reason: Exception, what: str = "mesh") -> UserError:
    """What is said of a file that a parser gave up on: its own words, such as JSON's, help nobody.

    Args:
        path: of the file.
        reason: what the parser raised.
        what: should be in it.
    """
    if isinstance(reason, MemoryError):
        return UserError(f"{path}: does not fit into this machine's memory: make it smaller first")
    if path.stat().st_size == 0:
        return UserError(f"{path}: not a readable {what}: the file is empty: copy it again")
    return UserError(
        f"{path}: not a readable {what}: damaged, or not what its ending says: copy it again, or export it "
        "as another kind"
    )


def with_material_colors(scene: trimesh.Scene) -> trimesh.Scene:
    """The scene with the colour of each mesh's material at its vertices, where no material has a picture.

    Their fourth is how opaque an .obj's material is; of a glTF see `neurfield.gltf.opacities`.
    Colours are as the file means them: linear of a glTF (`neurfield.gltf.srgb_of_vertices`), sRGB of an .obj.
    """
    meshes = [mesh for mesh in scene.geometry.values() if isinstance(mesh, trimesh.Trimesh)]
    materials = [getattr(mesh.visual, "material", None) for mesh in meshes]
    pictures = ("baseColorTexture", "image")
    if any(getattr(material, name, None) is not None for material in materials for name in pictures):
        return scene
    for mesh, material in zip(meshes, materials, strict=True):
        color: Any = getattr(material, "baseColorFactor", getattr(material, "diffuse", None))
        own = getattr(mesh.visual, "vertex_attributes", {}).get("color")
        if color is not None or own is not None:
            color = (255, 255, 255, 255) if color is None else color
            shades = np.tile(np.asarray(color, np.uint8), (len(mesh.vertices), 1))
            shades[:, 3] = np.rint(255.0 * _dissolve(material))
            shades = shades if own is None else _times(shades, np.asarray(own))
            mesh.visual = trimesh.visual.ColorVisuals(mesh, vertex_colors=shades)
    return scene


def _times(shades: np.ndarray, own: np.ndarray) -> np.ndarray:
    """Colours uint8 [v, 4] times a glTF's at vertices [v, 3 or 4], floats or whole numbers."""
    most = 1.0 if own.dtype.kind == "f" else float(np.iinfo(own.dtype).max)
    made = shades.astype(np.float64)
    made[:, : own.shape[1]] *= own / most
    return np.rint(made).astype(np.uint8)


def _dissolve(material: Any) -> float:
    """How opaque a material of an .obj is: its `d`, or one minus its `Tr`."""
    told = getattr(material, "kwargs", None) or {}
    for name, opaque in (("d", lambda value: value), ("tr", lambda value: 1.0 - value)):
        try:
            return min(max(opaque(float(np.ravel(told[name])[-1])), 0.0), 1.0)
        except (KeyError, IndexError, TypeError, ValueError):
            continue
    return 1.0


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
        raise unreadable(path, reason) from reason
    vertices = np.asarray(getattr(surface, "vertices", np.zeros((0, 3))))
    if not len(vertices):
        raise UserError(f"{path}: holds neither triangles nor points: copy it again, or move it away")
    if not (isinstance(surface, trimesh.Trimesh) and len(surface.faces)):
        surface = trimesh.PointCloud(vertices)
    surface.vertices = in_world(path, vertices)
    return surface
