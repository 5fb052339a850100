"""GLB as glTF 2.0 means it: Y is up, colours of vertices are linear, surfaces are no metal.

Vertices keep the world's axes and count from a point nearby; the node's matrix turns the world upright and
brings it back to its place, in JSON's full digits, where vertices in float32 could not hold it.
"""

from __future__ import annotations

import io
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import trimesh
from trimesh.exchange.gltf import export_glb
from trimesh.visual import ColorVisuals, TextureVisuals

from neurfield.gltf import WORLD
from neurfield.surfaces.ply import stored_normals
from neurfield.surfaces.texture_files import jpeg_bytes, texture_of, uv_of

_COLORS = "_LINEAR"  # the attribute's name on its way through trimesh, which writes sRGB bytes as COLOR_0
_VERTICES, _CORNERS = 34962, 34963  # buffer targets: ARRAY_BUFFER, ELEMENT_ARRAY_BUFFER
_SAID = ("unit", "axes")  # of a mesh, in the file's own words: glTF knows metres alone, and no patients
_PLAIN = {
    "name": "surface", "doubleSided": True,
    "pbrMetallicRoughness": {"metallicFactor": 0.0, "roughnessFactor": 1.0},
}  # fmt: skip

_GLASS = {
    "name": "glass", "doubleSided": True, "alphaMode": "BLEND",
    "pbrMetallicRoughness": {
        "metallicFactor": 0.0, "roughnessFactor": 1.0, "baseColorFactor": [1.0, 1.0, 1.0, 0.25],
    },
}  # fmt: skip


def glb_bytes(mesh: trimesh.Trimesh, shift: np.ndarray, up: np.ndarray | None = None) -> bytes:
    """A GLB of one mesh, its vertices counted from `shift` [3].

    COLOR_0 is linear (glTF 2.0, section 3.9.2: a factor of the linear base colour), as floats: in bytes, dark
    colours would lose their steps. Normals are the mesh's own. A texture is a JPEG.

    Args:
        mesh: with colours at its vertices, a texture, or neither.
        shift: [3] world.
        up: [3] of the world; it becomes +Y. None: the world's axes stay.
    """
    return scene_glb_bytes({"surface": mesh}, shift, up)


def scene_glb_bytes(
    meshes: Mapping[str, trimesh.Trimesh],
    shift: np.ndarray,
    up: np.ndarray | None = None,
    see_through: Collection[str] = (),
) -> bytes:
    """A GLB with a node for each of some meshes, called by its name; else as `glb_bytes`.

    Those whose names are in `see_through` are drawn as glass: alphaMode BLEND, and little of their own.
    Lengths are the world's; its "unit" and "axes", where a mesh's metadata has them, stand in asset.extras.
    """
    scene = trimesh.Scene()
    for name, mesh in meshes.items():
        scene.add_geometry(_bare(mesh, shift), node_name=name, geom_name=name, transform=upright(shift, up))
    back = trimesh.transformations.translation_matrix(shift)

    said = {
        name: mesh.metadata[name] for mesh in meshes.values() for name in _SAID if mesh.metadata.get(name)
    }

    def finish(tree: dict[str, Any]) -> None:
        if said:
            tree["asset"]["extras"] = said
        _name_colors(tree)
        _add_materials(tree, see_through)
        _add_targets(tree)
        for node in tree["nodes"]:
            if "mesh" in node:
                node["extras"] = {WORLD: back.T.reshape(-1).tolist()}

    return bytes(export_glb(scene, include_normals=True, tree_postprocessor=finish))


def upright(shift: np.ndarray, up: np.ndarray | None) -> np.ndarray:
    """What takes vertices counted from `shift` [3] to a world whose +Y is `up` [3]: 4x4, no mirror.

    Up along an axis turns the world by quarters, exactly; any other is turned the shortest way.
    """
    placed = trimesh.transformations.translation_matrix(shift)
    if up is None:
        return placed
    direction = np.asarray(up, dtype=np.float64) / np.linalg.norm(up)
    turn = np.eye(4)
    turn[:3, :3] = _turn_to_y(direction)
    return turn @ placed


def _turn_to_y(up: np.ndarray) -> np.ndarray:
    """The shortest rotation [3, 3] that takes a unit vector to +Y."""
    y = np.array([0.0, 1.0, 0.0])
    across, cosine = np.cross(up, y), float(up @ y)
    if cosine < -1.0 + 1e-12:
        return np.diag([1.0, -1.0, -1.0])
    skew = np.array(
        [[0.0, -across[2], across[1]], [across[2], 0.0, -across[0]], [-across[1], across[0], 0.0]]
    )
    return np.eye(3) + skew + skew @ skew / (1.0 + cosine)


def linear_of_srgb(srgb: np.ndarray) -> np.ndarray:
    """Linear values of sRGB ones, both 0..1 (IEC 61966-2-1)."""
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


class _Jpeg:
    """A picture that trimesh writes as it is: it asks for `format`, and calls `save`."""

    format = "JPEG"

    def __init__(self, content: bytes) -> None:
        self.content = content

    def save(self, file: io.BytesIO, format: str | None = None) -> None:
        file.write(self.content)

    def tobytes(self) -> bytes:
        return self.content


def _bare(mesh: trimesh.Trimesh, shift: np.ndarray) -> trimesh.Trimesh:
    """The mesh counted from `shift`, its colours linear."""
    bare = trimesh.Trimesh(np.asarray(mesh.vertices) - shift, mesh.faces, process=False)
    normals = stored_normals(mesh)
    bare.vertex_normals = _units(bare.vertex_normals if normals is None else normals)  # type: ignore[method-assign]
    visual, picture = mesh.visual, texture_of(mesh)
    if picture is not None:
        material = trimesh.visual.material.PBRMaterial(
            name="texture", baseColorTexture=_Jpeg(jpeg_bytes(picture)), metallicFactor=0.0,
            roughnessFactor=1.0, doubleSided=True,
        )  # fmt: skip
        bare.visual = TextureVisuals(uv=uv_of(mesh), material=material)
    elif isinstance(visual, ColorVisuals) and visual.kind == "vertex":
        srgb = np.asarray(visual.vertex_colors)[:, :3] / 255.0
        bare.vertex_attributes[_COLORS] = linear_of_srgb(srgb).astype(np.float32)
    return bare


def _units(normals: np.ndarray) -> np.ndarray:
    """Normals [v, 3] of length 1, as viewers demand; +Z where a vertex has no face with an area."""
    normals = np.array(normals, dtype=np.float64)
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    bad = ~(length[:, 0] > 1e-12)
    normals[~bad] /= length[~bad]
    normals[bad] = (0.0, 0.0, 1.0)
    return normals


def _name_colors(tree: dict[str, Any]) -> None:
    for mesh in tree.get("meshes", ()):
        for primitive in mesh["primitives"]:
            if _COLORS in primitive["attributes"]:
                primitive["attributes"]["COLOR_0"] = primitive["attributes"].pop(_COLORS)


def _add_materials(tree: dict[str, Any], see_through: Collection[str]) -> None:
    """A material for what has none: by glTF's default it would be metal, seen from one side."""
    materials = tree.setdefault("materials", [])
    for material, glass in ((_PLAIN, False), (_GLASS, True)):
        its = [mesh for mesh in tree.get("meshes", ()) if (mesh["name"] in see_through) == glass]
        plain = [p for mesh in its for p in mesh["primitives"] if "material" not in p]
        for primitive in plain:
            primitive["material"] = len(materials)
        materials += [material] if plain else []
    if not materials:
        del tree["materials"]


def _add_targets(tree: dict[str, Any]) -> None:
    """What each part of the buffer is for, as viewers ask before they take it to the GPU."""
    for mesh in tree.get("meshes", ()):
        for primitive in mesh["primitives"]:
            for accessor in primitive["attributes"].values():
                tree["bufferViews"][tree["accessors"][accessor]["bufferView"]]["target"] = _VERTICES
            if "indices" in primitive:
                view = tree["accessors"][primitive["indices"]]["bufferView"]
                tree["bufferViews"][view]["target"] = _CORNERS
