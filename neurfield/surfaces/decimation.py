"""Fewer triangles for the same surface."""

from __future__ import annotations

import numpy as np
import trimesh
from trimesh.visual import ColorVisuals, TextureVisuals

from neurfield.errors import UserError
from neurfield.ops.edge_collapse import collapse_edges
from neurfield.surfaces.ply import stored_normals

_COLOR = 2.0  # a colour that is off from black to white counts as a surface that is off by so many edges


def decimate(mesh: trimesh.Trimesh, faces: int) -> trimesh.Trimesh:
    """The mesh with about so many triangles, by moving vertices onto neighbours; the input is not changed.

    The vertices that stay keep their places, colours, normals and uv, and so do borders; a texture's seams
    stay whole. The mesh hangs together as before: `neurfield.ops.edge_collapse.collapse_edges`.

    Args:
        mesh: with vertex colours, a texture, or neither. Colours and uv count: where they change, triangles
            stay small.
        faces: how many triangles shall be left; where there are no more, the mesh is returned as it is. Small
            pieces keep four each, so that more may stay.

    Raises:
        UserError: `faces` is not positive.
    """
    if faces < 1:
        raise UserError(f"faces {faces}: at least 1 is needed")
    if faces >= len(mesh.faces):
        return mesh
    return _collapsed(mesh, faces, float("inf"), _COLOR * _mean_edge(mesh))


def thin_out(mesh: trimesh.Trimesh, error: float, color_error: float) -> trimesh.Trimesh:
    """The mesh with as few triangles as keep within an error, as `decimate`.

    Its `metadata["thinned"]` holds the error that was reached.

    Args:
        mesh: as `decimate`.
        error: root mean square, over what each vertex stands for, of how far the surface may move.
        color_error: of how far colours may (from 0 to 1), where the surface does not.

    Raises:
        UserError: an error is not positive.
    """
    if not (error > 0.0 and color_error > 0.0):
        raise UserError(f"errors {error:g} and {color_error:g}: both must be positive")
    return _collapsed(mesh, 0, error, error / color_error)


def _collapsed(mesh: trimesh.Trimesh, faces: int, error: float, color: float) -> trimesh.Trimesh:
    vertices = np.asarray(mesh.vertices, dtype=np.float64)
    if not len(vertices):
        return mesh
    middle = 0.5 * (vertices.min(axis=0) + vertices.max(axis=0))
    visual = mesh.visual
    shades = uv = None
    if isinstance(visual, ColorVisuals) and visual.kind == "vertex":
        shades = np.asarray(visual.vertex_colors)
    elif isinstance(visual, TextureVisuals) and visual.uv is not None:
        uv = np.asarray(visual.uv)
    attributes = locked = None
    if shades is not None:
        attributes = shades[:, :3] * (color / 255.0)
    elif uv is not None:
        attributes, locked = uv * _texture_width(mesh, uv), _seams(vertices)
    made = collapse_edges(vertices - middle, np.asarray(mesh.faces), faces, error, attributes, locked)
    used, corners = np.unique(made.faces, return_inverse=True)
    result = trimesh.Trimesh(vertices[used], corners.reshape(-1, 3), process=False)
    if shades is not None:
        result.visual = ColorVisuals(result, vertex_colors=shades[used])
    elif uv is not None and isinstance(visual, TextureVisuals):
        result.visual = TextureVisuals(uv=uv[used], material=visual.material)
    normals = stored_normals(mesh)
    if normals is not None:
        result.vertex_normals = normals[used]  # type: ignore[method-assign]
    result.metadata.update(mesh.metadata)
    result.metadata["thinned"] = made.error
    return result


def _mean_edge(mesh: trimesh.Trimesh) -> float:
    corners = np.asarray(mesh.vertices)[np.asarray(mesh.faces)[:: max(1, len(mesh.faces) // 10_000)]]
    return float(np.linalg.norm(corners[:, 1] - corners[:, 0], axis=1).mean()) if len(corners) else 0.0


def _texture_width(mesh: trimesh.Trimesh, uv: np.ndarray) -> float:
    """How wide the texture is on the surface, so that what slides counts as what moves."""
    a, b, c = np.moveaxis(np.asarray(uv)[np.asarray(mesh.faces)], 1, 0)
    one, two = b - a, c - a
    covered = 0.5 * np.abs(one[:, 0] * two[:, 1] - one[:, 1] * two[:, 0]).sum()
    return float(np.sqrt(mesh.area / covered)) if covered > 0.0 else 0.0


def _seams(vertices: np.ndarray) -> np.ndarray:
    """Which vertices lie where another does: those along a texture's cuts."""
    _, place, uses = np.unique(vertices, axis=0, return_inverse=True, return_counts=True)
    return uses[place.reshape(-1)] > 1
