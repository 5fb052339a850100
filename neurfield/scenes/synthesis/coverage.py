"""How much of a room's surface a set of cameras sees."""

from __future__ import annotations

import numpy as np

from neurfield.scenes.synthesis.shading import Pinhole
from neurfield.scenes.synthesis.surface import FineSurface
from neurfield.scenes.synthesis.tessellation import face_normals


def seen_counts(surface: FineSurface, faces: np.ndarray, poses: np.ndarray, camera: Pinhole) -> np.ndarray:
    """In how many views [n,4,4] the middle of each given face [m] is in the picture, faces the camera, and is not hidden."""
    middle, normal = _middles(surface, faces)
    counts = np.zeros(len(faces), np.int64)
    for pose in poses:
        in_cam = (middle - pose[:3, 3]) @ pose[:3, :3]
        z = np.maximum(in_cam[:, 2], 1e-9)
        u = camera.focal * in_cam[:, 0] / z + camera.cx
        v = camera.focal * in_cam[:, 1] / z + camera.cy
        inside = (in_cam[:, 2] > 0.05) & (u > 0) & (u < camera.width) & (v > 0) & (v < camera.height)
        counts += _visible(surface, faces, middle, normal, pose[:3, 3], inside)
    return counts


def reachable(surface: FineSurface, faces: np.ndarray, viewpoints: np.ndarray) -> np.ndarray:
    """Whether each given face [m] is seen from any of the viewpoints [n,3], looking everywhere: bool [m]."""
    middle, normal = _middles(surface, faces)
    seen = np.zeros(len(faces), bool)
    for viewpoint in viewpoints:
        seen |= _visible(surface, faces, middle, normal, viewpoint, ~seen)
    return seen


def _middles(surface: FineSurface, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    middle = surface.vertices[surface.faces[faces]].mean(axis=1)
    return middle, face_normals(surface.vertices, surface.faces[faces])[0]


def _visible(
    surface: FineSurface, faces: np.ndarray, middle: np.ndarray, normal: np.ndarray, eye: np.ndarray, asked: np.ndarray
) -> np.ndarray:
    """Which of the asked [m] places face the eye [3] with nothing between."""
    to_eye = eye - middle
    facing = np.einsum("ki,ki->k", to_eye, normal)
    rows = np.flatnonzero(asked & ((facing > 0) | surface.two_sided[faces]))
    lift = 1e-3 * np.sign(facing[rows])[:, None] * normal[rows]
    seen = np.zeros(len(faces), bool)
    seen[rows] = ~surface.whole_caster.occluded(middle[rows] + lift, to_eye[rows] - lift)
    return seen
