"""Pictures of a mesh from rays, lit from near the eye; faces that turn away are left out if wished."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import trimesh

from neurfield.report.shade import CLAY, lamp_of, to_bytes, vertex_colors_of, vertex_normals
from neurfield.report.viewpoints import Viewpoint
from neurfield.scenes.synthesis.raycast import RayCaster

_BACKGROUND = np.array([1.0, 1.0, 1.0])
_AMBIENT = 0.4
_RAYS_AT_ONCE = 1 << 19


@dataclass(frozen=True)
class Picture:
    """A drawn mesh.

    Attributes:
        color: uint8 [H, W, 3] with its vertex colours.
        clay: uint8 [H, W, 3] without.
        hit: bool [H, W] where the mesh is.
    """

    color: np.ndarray
    clay: np.ndarray
    hit: np.ndarray


class MeshShader:
    """A mesh to be drawn from several viewpoints; vertices in any frame and unit, normals into free space."""

    def __init__(self, mesh: trimesh.Trimesh) -> None:
        self._vertices = np.asarray(mesh.vertices, np.float64)
        self._faces = np.asarray(mesh.faces, np.int64)
        corners = self._vertices[self._faces]
        self._face_normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        self._normals = vertex_normals(self._faces, self._face_normals, len(self._vertices))
        self._colors = vertex_colors_of(mesh)

    def draw(
        self, view: Viewpoint, width: int, height: int, *, cull: bool = False, samples: int = 2
    ) -> Picture:
        """A picture of the mesh.

        Args:
            view: from where.
            width: pixels.
            height: pixels.
            cull: leave out faces that turn away from the eye, so that one looks into a room from outside.
            samples: rays along each side of a pixel.
        """
        faces = self._shown(view, cull)
        wide, high = width * samples, height * samples
        color = np.tile(_BACKGROUND, (wide * high, 1)).astype(np.float32)
        clay, hit = color.copy(), np.zeros(wide * high, bool)
        if len(faces):
            caster = RayCaster(self._vertices - view.eye, faces)
            directions, lamp = view.directions(wide, high), lamp_of(view)
            for start in range(0, len(directions), _RAYS_AT_ONCE):
                part = slice(start, start + _RAYS_AT_ONCE)
                hit[part], color[part], clay[part] = self._shade(caster, faces, directions[part], lamp)
        shape = (height, samples, width, samples)
        return Picture(
            to_bytes(color.reshape(*shape, 3).mean(axis=(1, 3))),
            to_bytes(clay.reshape(*shape, 3).mean(axis=(1, 3))),
            np.asarray(hit.reshape(shape).any(axis=(1, 3))),
        )

    def _shown(self, view: Viewpoint, cull: bool) -> np.ndarray:
        """The faces that are drawn."""
        if not cull:
            return self._faces
        # A triangle turns away as a whole: the sign of normal · (corner - eye) is the same for every ray that
        # meets it.
        towards = np.einsum("fi,fi->f", self._face_normals, self._vertices[self._faces[:, 0]] - view.eye)
        return self._faces[towards < 0]

    def _shade(
        self, caster: RayCaster, faces: np.ndarray, directions: np.ndarray, lamp: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Whether rays [k,3] from the eye hit [k], and the colour and clay they see [k,3], 0..1."""
        hits = caster.first_hits(np.zeros(3), directions)
        hit = hits.face >= 0
        corners = faces[hits.face[hit]]
        u, v = hits.u[hit, None], hits.v[hit, None]
        light = _light(_blend(self._normals, corners, u, v), directions[hit], lamp)
        color = np.tile(_BACKGROUND, (len(hit), 1))
        clay = color.copy()
        clay[hit] = CLAY * light
        colors = None if self._colors is None else _blend(self._colors, corners, u, v)
        color[hit] = self._painted(colors, light)
        return hit, color, clay

    @staticmethod
    def _painted(colors: np.ndarray | None, light: np.ndarray) -> np.ndarray:
        """Colours [k,3] (None: clay) under light [k,1]; they carry light already, so they take less."""
        return CLAY * light if colors is None else colors * (0.6 + 0.4 * light)


def _light(normals: np.ndarray, directions: np.ndarray, lamp: np.ndarray) -> np.ndarray:
    """Brightness [k,1] of normals [k,3] seen along directions [k,3]; backs are lit like fronts."""
    to_eye = -np.sign(np.einsum("ki,ki->k", normals, directions))
    cosine = to_eye * (normals @ lamp) / np.maximum(np.linalg.norm(normals, axis=1), 1e-12)
    return (_AMBIENT + (1.0 - _AMBIENT) * np.maximum(0.0, cosine))[:, None]


def _blend(values: np.ndarray, corners: np.ndarray, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Values at corners [k,3] mixed by barycentric weights u, v [k,1] of the second and third."""
    return values[corners[:, 0]] * (1.0 - u - v) + values[corners[:, 1]] * u + values[corners[:, 2]] * v
