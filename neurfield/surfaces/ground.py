"""What stands on the ground of a mesh, without the ground."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import trimesh

from neurfield.errors import UserError
from neurfield.surfaces.clean import vertex_components, with_faces

_AT_BORDER = 0.01  # of the box's longest side: what comes so near to its sides goes on beyond
_LEVEL = np.cos(np.radians(35.0))  # ground is rough, and its normals are noisy
_ALIKE = np.cos(np.radians(20.0))  # normals of one ground
_HEIGHT = 0.1  # of the box's longest side: a pavement is ground, too, and a slope up onto the object is not
_BELOW = 0.02  # of the box's longest side: what lies so far below the ground is no object
_DRAWN, _CANDIDATES = 300, 4  # normals that are tried, and directions that could be up
_SLIVER = 1e-4  # of the usual triangle's area
_LEAST_GROUND, _LEAST_OBJECT = 0.05, 0.02  # of the mesh's area


def on_ground(mesh: trimesh.Trimesh, box: np.ndarray) -> trimesh.Trimesh:
    """The largest piece of what stands on the ground; it is open where it stood.

    Ground is what is level, hangs together, and reaches the sides of the box: the object, which the box is
    around, ends before them. Which way is up the ground says itself. Colours stay, the input is not changed.

    Args:
        mesh: that was extracted in a box, normals into free space.
        box: [2, 3] minimum and maximum.

    Raises:
        UserError: there is no such ground, or nothing stands on it.
    """
    ground = find_ground(mesh, box)
    if ground is None:
        raise UserError("component object: no level ground reaches the sides of the box: give all or largest")
    standing = what_stands(mesh, ground)
    if standing is None:
        raise UserError("component object: hardly anything stands on the ground: give all or largest")
    return standing


@dataclass(frozen=True)
class Ground:
    """The ground of a mesh.

    Attributes:
        faces: which are of it, bool [f].
        above: how far faces are above its middle height [f], of the box's longest side.
        up: unit [3].
    """

    faces: np.ndarray
    above: np.ndarray
    up: np.ndarray


def what_stands(mesh: trimesh.Trimesh, ground: Ground) -> trimesh.Trimesh | None:
    """The piece of a mesh with most of its area above the ground, without it; None: hardly anything is."""
    areas = np.asarray(mesh.area_faces)
    wide = areas > _SLIVER * np.median(areas)  # a sliver looks anywhere, and would join pieces
    kept = ~ground.faces & (ground.above > -_BELOW) & wide
    piece = vertex_components(len(mesh.vertices), _edges(mesh.faces[kept]))[mesh.faces[:, 0]]
    kept &= piece == np.bincount(piece, weights=areas * (kept & (ground.above > _BELOW))).argmax()
    return with_faces(mesh, kept) if areas[kept].sum() >= _LEAST_OBJECT * areas.sum() else None


def find_ground(mesh: trimesh.Trimesh, box: np.ndarray) -> Ground | None:
    """The ground of a mesh in a box [2, 3]: of what could be it, that with most of the mesh above it.

    None where nothing level reaches the box's sides, or hardly anything of the mesh.
    """
    middles, normals = np.asarray(mesh.triangles_center), np.asarray(mesh.face_normals)
    areas, longest = np.asarray(mesh.area_faces), float((box[1] - box[0]).max())
    vertices = np.asarray(mesh.vertices)
    at_side = (np.minimum(vertices - box[0], box[1] - vertices) < _AT_BORDER * longest).any(axis=1)
    border = at_side[mesh.faces].any(axis=1)
    found, most = None, 0.0
    for up in _common_directions(normals[border], areas[border]):
        level = normals @ up > _LEVEL
        if not (level & border).any():
            continue
        ground = _ground_towards(up, mesh.faces, middles @ up / longest, level, border)
        own = areas[ground.faces].sum()
        standing = areas[~ground.faces & (ground.above > _BELOW)].sum()
        if own >= _LEAST_GROUND * areas.sum() and standing * own > most:
            found, most = ground, standing * own
    return found


def _ground_towards(
    up: np.ndarray, faces: np.ndarray, height: np.ndarray, level: np.ndarray, border: np.ndarray
) -> Ground:
    """What would be ground if up were so; level says which faces look up, border which reach a side."""
    above = height - np.median(height[level & border])
    level = level & (np.abs(above) < _HEIGHT)
    part = vertex_components(int(faces.max()) + 1, _edges(faces[level]))[faces[:, 0]]
    return Ground(level & np.isin(part, part[level & border]), above, up)


def _edges(faces: np.ndarray) -> np.ndarray:
    """The edges [3 f, 2] of faces [f, 3]."""
    return faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2)


def _common_directions(normals: np.ndarray, areas: np.ndarray) -> list[np.ndarray]:
    """Unit directions [3] that most of the area of faces with these normals [k, 3] has, the most first."""
    found: list[np.ndarray] = []
    left = areas.copy()
    chosen = np.linspace(0, len(normals) - 1, min(_DRAWN, len(normals))).astype(int)
    alike = normals[chosen] @ normals.T > _ALIKE
    for _ in range(_CANDIDATES if len(chosen) else 0):
        own = alike[(alike @ left).argmax()]
        mean = (normals[own] * left[own, None]).sum(axis=0)
        left[own] = 0.0
        if np.linalg.norm(mean) > 0:
            found.append(mean / np.linalg.norm(mean))
    return found
