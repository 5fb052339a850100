"""A mesh with few enough triangles for a page, and normals for its corners."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import trimesh
from trimesh.visual import ColorVisuals

from neurfield.report.shade import vertex_colors_of

_CREASE = np.cos(np.radians(40.0))  # faces that meet more sharply are not smoothed into each other


@dataclass(frozen=True)
class ShownMesh:
    """Triangles to be drawn.

    Attributes:
        vertices: float64 [v, 3], world.
        faces: int64 [f, 3], normals into free space.
        colors: uint8 [v, 3] sRGB, or None.
        glass: how many of the last faces are seen through; their vertices are their own.
    """

    vertices: np.ndarray
    faces: np.ndarray
    colors: np.ndarray | None
    glass: int = 0


def shown_mesh(mesh: trimesh.Trimesh, most_faces: int) -> ShownMesh:
    """The mesh with about so many triangles at most, of which more are where its colours change.

    What is seen through (colours whose fourth says so, `read_mesh`) comes last.
    """
    through = _seen_through(mesh)
    if not through.any():
        return _shown(mesh, most_faces)
    parts: list[Any] = [mesh.submesh([some], append=True) for some in (~through, through) if some.any()]
    small = [_shown(part, max(most_faces * len(part.faces) // len(mesh.faces), 1)) for part in parts]
    starts = np.cumsum([0, *(len(part.vertices) for part in small)])
    return ShownMesh(
        np.concatenate([part.vertices for part in small]),
        np.concatenate([part.faces + start for part, start in zip(small, starts)]),
        np.concatenate([part.colors for part in small if part.colors is not None]),
        len(small[-1].faces),
    )


def _seen_through(mesh: trimesh.Trimesh) -> np.ndarray:
    """Which faces, bool [f], hold back less light than all of it."""
    visual = mesh.visual
    if not isinstance(visual, ColorVisuals) or visual.kind != "vertex":
        return np.zeros(len(mesh.faces), bool)
    return np.asarray((np.asarray(visual.vertex_colors)[:, 3] < 255)[mesh.faces].any(axis=1))


def _shown(mesh: trimesh.Trimesh, most_faces: int) -> ShownMesh:
    from neurfield.surfaces import decimate  # which loads torch

    small = decimate(mesh, most_faces)
    shades = vertex_colors_of(small)
    colors = None if shades is None else np.rint(shades * 255.0).astype(np.uint8)
    return ShownMesh(np.asarray(small.vertices, np.float64), np.asarray(small.faces, np.int64), colors)


def corner_normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """A normal at each corner of each face: float32 [f, 3, 3], unit.

    It is the sum of those of the faces around the vertex, by area, without those that meet the face at a
    crease: a wall stays flat up to its edge, however large its triangles are.
    """
    a, b, c = (vertices[faces[:, k]].astype(np.float64) for k in range(3))
    sums = np.cross(b - a, c - a)
    units = (sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-300)).astype(np.float32)
    sums = (sums / max(float(np.abs(sums).max(initial=0.0)), 1e-300)).astype(np.float32)
    around = np.argsort(faces.ravel(), kind="stable")  # corners, vertex by vertex
    counts = np.bincount(faces.ravel())
    starts = np.cumsum(counts) - counts
    total = np.zeros((faces.size, 3), np.float32)
    # All corners meet the k-th corner of their vertex at once.
    own = counts[faces.ravel()]
    for k in range(int(counts.max(initial=0))):
        here = np.flatnonzero(own > k)
        other = around[starts[faces.ravel()[here]] + k] // 3
        smooth = np.einsum("ki,ki->k", units[here // 3], units[other]) > _CREASE
        total[here[smooth]] += sums[other[smooth]]
    lengths = np.linalg.norm(total, axis=1, keepdims=True)
    flat = np.repeat(units, 3, axis=0)
    return np.where(lengths > 0, total / np.maximum(lengths, 1e-30), flat).reshape(-1, 3, 3)
