"""PLY with coordinates in double precision, which trimesh reads but does not write."""

from __future__ import annotations

import numpy as np
import trimesh
from trimesh.visual import ColorVisuals


def ply_bytes(mesh: trimesh.Trimesh) -> bytes:
    """A binary PLY: x, y, z as doubles, colours as trimesh writes them (uchar RGBA) where there are any."""
    fields: list[tuple[str, str]] = [("x", "<f8"), ("y", "<f8"), ("z", "<f8")]
    channels = ("red", "green", "blue", "alpha")
    names = {"<f8": "double", "u1": "uchar"}
    visual = mesh.visual
    colors = visual.vertex_colors if isinstance(visual, ColorVisuals) and visual.kind == "vertex" else None
    if colors is not None:
        fields += [(name, "u1") for name in channels]
    vertices = np.empty(len(mesh.vertices), dtype=fields)
    for axis, name in enumerate("xyz"):
        vertices[name] = mesh.vertices[:, axis]
    if colors is not None:
        for channel, name in enumerate(channels):
            vertices[name] = colors[:, channel]
    faces = np.empty(len(mesh.faces), dtype=[("count", "u1"), ("corners", "<i4", (3,))])
    faces["count"], faces["corners"] = 3, mesh.faces
    header = [
        "ply", "format binary_little_endian 1.0", f"element vertex {len(vertices)}",
        *(f"property {names[code]} {name}" for name, code in fields),
        f"element face {len(faces)}", "property list uchar int vertex_indices", "end_header",
    ]  # fmt: skip
    return ("\n".join(header) + "\n").encode() + vertices.tobytes() + faces.tobytes()
