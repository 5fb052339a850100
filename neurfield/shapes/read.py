"""Shapes from files: which reader serves, and meshes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import trimesh

from neurfield.errors import UserError
from neurfield.gltf import in_world, loading_options, srgb_of_vertices
from neurfield.shapes.mend import mend
from neurfield.shapes.read_off import read_off
from neurfield.shapes.read_points import POINT_READERS
from neurfield.shapes.shape import Shape
from neurfield.surface_file import unreadable, with_material_colors

MESHES = (".ply", ".obj", ".off", ".stl", ".glb", ".gltf")


def read_shape(path: str | Path, keep_outliers: bool = False) -> Shape:
    """A mesh (ply, obj, off, stl, glb, gltf) or a cloud (ply, xyz, pwn, npz, las, laz), mended.

    Coordinates stay the file's own, in float64; of a file of ours they are those of the world that it was
    made of (`neurfield.gltf.in_world`). Colours of vertices, faces and textures become those of vertices, in
    sRGB.

    Args:
        path: of the file.
        keep_outliers: of a cloud; else `mend` leaves them out.

    Raises:
        UserError: the file is missing, no shape, or has nothing to fit; see `mend`.
    """
    path = Path(path).expanduser()
    if path.is_dir():
        raise UserError(f"{path}: a folder; --shape takes one file of a mesh or a cloud")
    if not path.is_file():
        raise UserError(f"{path}: there is no such file of a mesh or a cloud")
    ending = path.suffix.lower()
    if ending not in (*MESHES, *POINT_READERS):
        there_are = ", ".join(e.removeprefix(".") for e in (*MESHES, *POINT_READERS))
        raise UserError(f"{path}: not a kind of file that is read as a shape; there are: {there_are}")
    if path.stat().st_size == 0:
        raise UserError(f"{path}: the file is empty: copy it again")
    shape = POINT_READERS[ending](path) if ending in POINT_READERS else _by_trimesh(path)
    vertices = in_world(path, shape.vertices)
    return mend(replace(shape, vertices=vertices, keep_outliers=keep_outliers))


def _by_trimesh(path: Path) -> Shape:
    try:
        options = loading_options(path)
        loaded: Any = trimesh.load(path, process=False, **options)
        if isinstance(loaded, trimesh.Scene):
            loaded = _merged(with_material_colors(loaded))
    except Exception as reason:  # trimesh's loaders raise whatever their parsers meet
        if path.suffix.lower() == ".off":
            return read_off(path)
        raise unreadable(path, reason, path.suffix[1:].lower()) from reason
    vertices = np.array(getattr(loaded, "vertices", np.zeros((0, 3))), np.float64).reshape(-1, 3)
    faces = np.array(getattr(loaded, "faces", np.zeros((0, 3))), np.int64).reshape(-1, 3)
    colors = _colors(loaded, len(vertices))
    if colors is not None and not _has_picture(loaded):  # of vertices, which a glTF keeps linear
        colors = srgb_of_vertices(path, colors)
    normals = None if len(faces) else _normals_of_ply(loaded, len(vertices))
    unit = str(getattr(loaded, "units", None) or "")
    return Shape(path.stem, vertices, faces, normals, colors, path, unit=unit)


def _merged(scene: trimesh.Scene) -> Any:
    """All triangles of a scene in its own coordinates; its points, where it has no triangles."""
    parts = [part for part in scene.dump() if isinstance(part, (trimesh.Trimesh, trimesh.PointCloud))]
    meshes = [part for part in parts if isinstance(part, trimesh.Trimesh) and len(part.faces)]
    chosen: list[Any] = [*(meshes or parts)]
    if not chosen:
        return trimesh.Trimesh()
    if len(chosen) == 1:
        return chosen[0]
    offsets = np.cumsum([0, *(len(part.vertices) for part in chosen)])
    vertices = np.concatenate([np.asarray(part.vertices, np.float64) for part in chosen])
    each = [_colors(part, len(part.vertices)) for part in chosen]
    if meshes:
        faces = np.concatenate([np.asarray(part.faces) + start for part, start in zip(chosen, offsets)])
        merged: Any = trimesh.Trimesh(vertices, faces, process=False)
    else:
        merged = trimesh.PointCloud(vertices)
    if any(one is not None for one in each):  # what has none is a middle grey
        grey = [
            np.full((len(p.vertices), 3), 128, np.uint8) if c is None else c for p, c in zip(chosen, each)
        ]
        merged.metadata["colors"] = np.concatenate(grey)
        merged.metadata["texture"] = any(_has_picture(part) for part in chosen)
    return merged


def _colors(loaded: Any, count: int) -> np.ndarray | None:
    """[V, 3] uint8 of what was read; None where it says nothing of colour."""
    metadata = getattr(loaded, "metadata", None) or {}
    if "colors" in metadata:
        return metadata["colors"]
    if isinstance(loaded, trimesh.PointCloud):
        colors = loaded.colors
    else:
        visual = getattr(loaded, "visual", None)
        if visual is None or not visual.defined:
            return None
        try:
            colors = visual.to_color().vertex_colors if visual.kind == "texture" else visual.vertex_colors
        except Exception:  # a texture whose picture is not there has no colours
            return None
    if colors is None or np.shape(colors)[0] != count or count == 0:
        return None
    return np.ascontiguousarray(np.asarray(colors)[:, :3], np.uint8)


def _has_picture(loaded: Any) -> bool:
    """Whether colours came out of a texture, which are sRGB whatever the file's format."""
    metadata = getattr(loaded, "metadata", None) or {}
    visual = getattr(loaded, "visual", None)
    return bool(metadata.get("texture")) or getattr(visual, "kind", None) == "texture"


def _normals_of_ply(cloud: Any, count: int) -> np.ndarray | None:
    """[V, 3] as the file says them; trimesh keeps its columns, and no normals of clouds."""
    data = (getattr(cloud, "metadata", None) or {}).get("_ply_raw", {}).get("vertex", {}).get("data")
    if data is None:
        return None
    names = data.dtype.names if isinstance(data, np.ndarray) else tuple(data)
    if not names or not {"nx", "ny", "nz"} <= set(names):
        return None
    normals = np.stack(
        [np.asarray(data[axis], np.float64).reshape(-1) for axis in ("nx", "ny", "nz")], axis=1
    )
    return normals if len(normals) == count else None
