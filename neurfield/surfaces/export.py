"""Meshes to files."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np
import trimesh

from neurfield import __version__
from neurfield.errors import UserError
from neurfield.far import local_origin, shift_file, write_shift
from neurfield.files import atomic_write
from neurfield.surfaces.glb import glb_bytes, scene_glb_bytes
from neurfield.surfaces.ply import write_ply
from neurfield.surfaces.texture_files import obj_files, picture_file, texture_of, write_picture

SUFFIXES = (".ply", ".obj", ".glb", ".stl")


def save_mesh(mesh: trimesh.Trimesh, path: str | Path, up: np.ndarray | None = None) -> Path:
    """Write a mesh in its own world and units, with its vertex colours where the format has them (not STL).

    Normals that its vertices were given are written, too (not to STL). Comments of a .ply say what its
    `metadata` knows: "source", "unit", "axes" and "up"; a .glb has unit and axes in its asset.extras.

    The suffix decides: .ply (binary), .obj, .glb or .stl (binary). The file is whole or not there. A texture
    is inside a .glb; a .ply names a .png beside it, an .obj a .mtl and a .png.

    glTF is Y-up by convention. A .glb of a world whose `up` is known stands upright by its node's matrix: its
    vertices keep the world's axes, and `neurfield.report.mesh_file.read_mesh` finds the world again. Other
    formats know no up, and no axes are turned.

    A mesh that lies where float32 is too coarse (`local_origin`) keeps its place: a .ply then holds doubles,
    an .obj its digits, a .glb counts its vertices from a point that its node's matrix adds. An .stl
    cannot hold it: its vertices are counted from that point, which is written beside it
    (`neurfield.far.shift_file`).

    Args:
        mesh: with faces.
        path: of the file.
        up: [3] of the world, for a .glb; None: its axes stay.

    Raises:
        UserError: an unknown suffix, a mesh without faces, or a texture for an .stl.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        given = suffix or "a file without suffix"
        raise UserError(f"{path}: cannot write a mesh as {given}; use {', '.join(SUFFIXES)}")
    if not len(mesh.faces):
        raise UserError(f"{path}: the mesh is empty, there is nothing to write")
    picture = texture_of(mesh)
    if suffix == ".stl" and picture is not None:
        raise UserError(f"{path}: an .stl holds no texture; use .glb, .obj or .ply")
    shift = local_origin(np.asarray(mesh.vertices))
    if suffix == ".obj" and picture is not None:
        for file, content in obj_files(mesh, path).items():
            with atomic_write(file) as temporary:
                temporary.write_bytes(content)
        return path
    if suffix == ".ply" and picture is not None:
        write_picture(path, picture)
    with atomic_write(path) as temporary:
        if suffix == ".glb":
            temporary.write_bytes(glb_bytes(mesh, shift, up))
        elif suffix == ".ply":
            texture = None if picture is None else picture_file(path).name
            write_ply(mesh, temporary, bool(shift.any()), texture, _comments(mesh, up))
        elif suffix == ".stl":
            _from(mesh, shift).export(temporary, file_type="stl")
        else:
            mesh.export(temporary, file_type=suffix[1:])
    if suffix == ".stl":
        write_shift(path, shift)
    return path


def save_scene(
    meshes: Mapping[str, trimesh.Trimesh],
    path: str | Path,
    up: np.ndarray | None = None,
    see_through: Collection[str] = (),
) -> Path:
    """Write several meshes of one world as a .glb, a node for each, called by its name; as `save_mesh`.

    Args:
        meshes: by their names.
        path: of the file.
        up: as for `save_mesh`.
        see_through: names of meshes that others lie in, which are drawn as glass.

    Raises:
        UserError: no .glb, or no mesh has faces.
    """
    path = Path(path)
    if path.suffix.lower() != ".glb":
        raise UserError(f"{path}: several meshes go into a .glb")
    filled = {name: mesh for name, mesh in meshes.items() if len(mesh.faces)}
    if not filled:
        raise UserError(f"{path}: all meshes are empty, there is nothing to write")
    shift = local_origin(np.concatenate([np.asarray(mesh.bounds) for mesh in filled.values()]))
    with atomic_write(path) as temporary:
        temporary.write_bytes(scene_glb_bytes(filled, shift, up, see_through))
    return path


def place_in_words(mesh: trimesh.Trimesh, path: Path) -> str | None:
    """How a file of `save_mesh` holds a mesh far from zero, in a line; None for a mesh near zero."""
    shift = local_origin(np.asarray(mesh.vertices))
    if not shift.any():
        return None
    point = " ".join(f"{v:.10g}" for v in shift)
    return {
        ".ply": "far from zero: coordinates are doubles",
        ".obj": "far from zero: read it in double precision",
        ".glb": f"far from zero: vertices count from {point}, which the node's matrix adds",
        ".stl": f"far from zero: vertices count from {point}; add it ({shift_file(path).name})",
    }[path.suffix.lower()]


def _comments(mesh: trimesh.Trimesh, up: np.ndarray | None) -> list[str]:
    """What a .ply says of itself: by what it was written, of what it is, its unit, and which way is up."""
    way = mesh.metadata.get("up") if up is None else up
    known = {name: mesh.metadata.get(name) for name in ("source", "unit", "axes")}
    if way is not None:
        known["up"] = " ".join(f"{v:.6g}" for v in way)
    return [f"neurfield {__version__}", *(f"{name} {said}" for name, said in known.items() if said)]


def _from(mesh: trimesh.Trimesh, origin: np.ndarray) -> trimesh.Trimesh:
    if not origin.any():
        return mesh
    return trimesh.Trimesh(np.asarray(mesh.vertices) - origin, mesh.faces, process=False)
