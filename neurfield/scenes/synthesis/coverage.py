"""How much of a room's surface a set of cameras sees."""

from __future__ import annotations

import numpy as np

from neurfield.scenes.synthesis.shading import Pinhole
from neurfield.scenes.synthesis.surface import FineSurface
from neurfield.scenes.synthesis.tessellation import face_normals

# What fewer than this part of all places see (cracks between books, the back of a curtain) is left out.
_SEEN_FROM = 0.02


def covered_part(
    surface: FineSurface,
    poses: np.ndarray,
    camera: Pinhole,
    places: np.ndarray,
    times: int = 3,
    samples: int = 6000,
    seed: int = 0,
) -> float:
    """Part of the visible surface that at least `times` of the views [n,4,4] see.

    Visible is what can be seen, looking everywhere, from some of the given places [k,3] in the room. Measured
    at random points of the surface.
    """
    rng = np.random.default_rng(seed)
    _, areas = face_normals(surface.vertices, surface.faces)
    faces = rng.choice(len(areas), samples, p=areas / areas.sum())
    middle = surface.vertices[surface.faces[faces]].mean(axis=1)
    seen_from = np.mean([_visible(surface, faces, middle, place) for place in places], axis=0)
    faces, middle = faces[seen_from >= _SEEN_FROM], middle[seen_from >= _SEEN_FROM]
    counts = np.zeros(len(faces), np.int64)
    for pose in poses:
        in_cam = (middle - pose[:3, 3]) @ pose[:3, :3]
        z = np.maximum(in_cam[:, 2], 1e-9)
        u = camera.focal * in_cam[:, 0] / z + camera.cx
        v = camera.focal * in_cam[:, 1] / z + camera.cy
        inside = (in_cam[:, 2] > 0) & (u > 0) & (u < camera.width) & (v > 0) & (v < camera.height)
        counts[inside] += _visible(surface, faces[inside], middle[inside], pose[:3, 3])
    return float((counts >= times).mean()) if len(counts) else 0.0


def _visible(surface: FineSurface, faces: np.ndarray, middle: np.ndarray, eye: np.ndarray) -> np.ndarray:
    """Which faces [m], with middles [m,3], show their front to the eye [3] with nothing between: bool [m]."""
    to_eye = eye - middle
    facing = np.einsum("ki,ki->k", to_eye, surface.normals[faces])
    lift = 1e-3 * np.sign(facing)[:, None] * surface.normals[faces]
    fronts = (facing > 0) | surface.two_sided[faces]
    return fronts & ~surface.whole_caster.occluded(middle + lift, to_eye - lift)
