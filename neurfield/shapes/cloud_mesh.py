"""From a cloud of points to a mesh, without a fit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import trimesh
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree
from trimesh.visual import ColorVisuals

from neurfield.errors import UserError
from neurfield.shapes.estimate import check_points, cloud_scale, distinct_points, threads
from neurfield.shapes.orient import Orientation, Progress, orient_normals
from neurfield.shapes.poisson import poisson_surface

_AREA_OF = 10  # neighbours that tell a point's area
_NOISY = 2.0  # deviations of the noise that make a voxel
_FAR = 2.0  # radii of a point's ten neighbours, and voxels, within which it supports the surface
_KEPT = 1e-3  # of the surface: unsupported pieces smaller than this close a gap
_CRUMB = 12  # points, fewer of which make no piece of a surface


@dataclass(frozen=True)
class CloudMesh:
    """A mesh of a cloud, and how it came about.

    Attributes:
        mesh: in the cloud's coordinates, its colours where it has some.
        orientation: where normals were estimated; None where they were given.
        voxel: edge of the cells, in the cloud's unit.
        trimmed: share of the closed surface's area that no point lies near, and that is left out.
        crumbs: pieces of a few points each, that are left out.
    """

    mesh: trimesh.Trimesh
    orientation: Orientation | None
    voxel: float
    trimmed: float
    crumbs: int = 0


def mesh_of_cloud(
    points: np.ndarray,
    normals: np.ndarray | None = None,
    colors: np.ndarray | None = None,
    voxel: float | None = None,
    progress: Progress | None = None,
) -> CloudMesh:
    """The surface that points lie on, by screened Poisson reconstruction (`poisson_surface`).

    Args:
        points: [N, 3], any unit, anywhere.
        normals: [N, 3], units into free space; None: they are estimated (`orient_normals`).
        colors: uint8 [N, 3]; each vertex gets that of the nearest point.
        voxel: edge of the cells; None: as far as points lie apart, or twice the noise where that is more.
        progress: told what is done, and the part that is done.

    Raises:
        UserError: fewer than four points, one that is not finite, all in one place, or no surface comes out.
    """
    points, first, _ = distinct_points(check_points(points))
    normals = None if normals is None else normals[first]
    colors = None if colors is None else colors[first]
    orientation = None
    if normals is None:
        orientation = orient_normals(points, progress=progress)
        normals = orientation.normals
        noise = orientation.scale.noise
    else:
        noise = cloud_scale(points).noise
    tree = cKDTree(points)
    count = min(_AREA_OF + 1, len(points))
    radius = tree.query(points, count, workers=threads())[0][:, -1]
    areas = np.pi * radius**2 / (count - 1)
    # What lies far apart from all others would count as a wall.
    areas = np.minimum(areas, 9.0 * np.median(areas))
    if voxel is None:
        voxel = max(float(np.sqrt(np.median(areas))), _NOISY * noise)
    surface = poisson_surface(points, normals, areas, voxel, noise, progress)
    if not len(surface.faces):
        raise UserError(
            "the cloud: no surface comes out; are its normals consistent? `neurfield shape orient` makes some"
        )
    distance, nearest = tree.query(surface.vertices, workers=threads())
    supported = distance <= _FAR * np.maximum(radius[nearest], surface.voxel)
    mesh = trimesh.Trimesh(surface.vertices, surface.faces, process=False)
    if colors is not None:
        mesh.visual = ColorVisuals(mesh, vertex_colors=colors[nearest])
    kept, trimmed = _supported_faces(mesh, supported)
    nearest_vertex = cKDTree(surface.vertices).query(points, workers=threads())[1]
    whole, crumbs = _large_pieces(np.asarray(mesh.faces), nearest_vertex, len(surface.vertices))
    kept &= whole
    if not kept.all():
        mesh.update_faces(kept)
        mesh.remove_unreferenced_vertices()
    return CloudMesh(mesh, orientation, surface.voxel, trimmed, crumbs)


def _supported_faces(mesh: trimesh.Trimesh, supported: np.ndarray) -> tuple[np.ndarray, float]:
    """Which faces stay, and the share of the area that does not: pieces without support, unless small."""
    faces = np.asarray(mesh.faces)
    bare = ~supported[faces].any(axis=1)
    if not bare.any():
        return ~bare, 0.0
    piece = _pieces(faces[bare], len(supported))[faces[:, 0]]
    areas = np.bincount(piece, np.where(bare, mesh.area_faces, 0.0))
    total = float(mesh.area_faces.sum())
    gone = bare & (areas[piece] > _KEPT * total)
    return ~gone, float(mesh.area_faces[gone].sum()) / max(total, 1e-300)


def _large_pieces(faces: np.ndarray, nearest: np.ndarray, count: int) -> tuple[np.ndarray, int]:
    """Which faces [F, 3] belong to pieces of more than a few points, and how many pieces do not.

    Args:
        faces: into vertices.
        nearest: [N], the vertex nearest to each point.
        count: of the vertices.
    """
    piece = _pieces(faces, count)
    points = np.bincount(piece[nearest], minlength=int(piece.max()) + 1)
    large = points >= min(_CRUMB, points.max())
    return large[piece[faces[:, 0]]], int((~large[np.unique(piece[faces[:, 0]])]).sum())


def _pieces(faces: np.ndarray, count: int) -> np.ndarray:
    """The number of the piece [count] of each of so many vertices, which faces [F, 3] join."""
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]]])
    graph = coo_matrix((np.ones(len(edges)), edges.T), shape=(count, count))
    return np.asarray(connected_components(graph, directed=False)[1])
