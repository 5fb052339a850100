"""PLY, part by part: no second copy of the mesh, and doubles where floats would move it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import trimesh
from trimesh.visual import ColorVisuals

from neurfield.surfaces.texture_files import uv_of

_ROWS = 1 << 18  # at once


def write_ply(
    mesh: trimesh.Trimesh,
    path: Path,
    wide: bool = False,
    texture: str | None = None,
    comments: Sequence[str] = (),
) -> None:
    """Write a binary PLY: x, y, z; nx, ny, nz where the mesh has normals; uchar RGBA where it has colours.

    Args:
        mesh: to write.
        path: the file.
        wide: coordinates in double precision.
        texture: the name of the picture beside it, as MeshLab's comment names it; uv become s and t.
        comments: lines for the header; ASCII, what else they hold is replaced.
    """
    code, word = ("<f8", "double") if wide else ("<f4", "float")
    columns = [(axis, code, word) for axis in "xyz"]
    parts = [np.asarray(mesh.vertices)]
    normals = stored_normals(mesh)
    if normals is not None:
        columns += [(f"n{axis}", "<f4", "float") for axis in "xyz"]
        parts.append(normals)
    visual = mesh.visual
    if isinstance(visual, ColorVisuals) and visual.kind == "vertex":
        columns += [(name, "u1", "uchar") for name in ("red", "green", "blue", "alpha")]
        parts.append(np.asarray(visual.vertex_colors))
    if texture is not None:
        columns += [(axis, "<f4", "float") for axis in "st"]
        parts.append(uv_of(mesh))
    header = [
        "ply", "format binary_little_endian 1.0",
        *(f"comment {' '.join(line.split())}" for line in comments),
        *([] if texture is None else [f"comment TextureFile {texture}"]),
        f"element vertex {len(mesh.vertices)}",
        *(f"property {word} {name}" for name, _, word in columns),
        f"element face {len(mesh.faces)}", "property list uchar int vertex_indices", "end_header",
    ]  # fmt: skip
    with path.open("wb") as file:
        file.write(("\n".join(header) + "\n").encode("ascii", "replace"))
        for start in range(0, len(mesh.vertices), _ROWS):
            some = [part[start : start + _ROWS] for part in parts]
            rows = np.empty(len(some[0]), dtype=[(name, code) for name, code, _ in columns])
            values = [part[:, k] for part in some for k in range(part.shape[1])]
            for (name, _, _), column in zip(columns, values, strict=True):
                rows[name] = column
            file.write(rows.tobytes())
        for start in range(0, len(mesh.faces), _ROWS):
            faces = np.asarray(mesh.faces)[start : start + _ROWS]
            corners = np.empty(len(faces), dtype=[("count", "u1"), ("corners", "<i4", (3,))])
            corners["count"], corners["corners"] = 3, faces
            file.write(corners.tobytes())


def stored_normals(mesh: trimesh.Trimesh) -> np.ndarray | None:
    """The normals [v, 3] that vertices were given; None where they would have to be made up of the faces."""
    # trimesh keeps them where it keeps what it computes; nothing of ours asks it to compute them.
    return np.asarray(mesh.vertex_normals) if "vertex_normals" in mesh._cache else None
