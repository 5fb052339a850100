"""Portraits of a mesh: in its colours, and as clay under a soft sun and an open sky.

What is not mesh lets the page through. Rays go through pixel centres, and four through each pixel where an
edge runs; the light is worked out for every second pixel (`soft_light.py`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from neurfield.report.shade import to_bytes
from neurfield.report.shown_mesh import ShownMesh, corner_normals
from neurfield.report.soft_light import Places, SoftLight
from neurfield.report.viewpoints import Viewpoint
from neurfield.scenes.synthesis.raycast import RayCaster

_CLAY = np.array([0.90, 0.865, 0.82], np.float32)
_WARM, _COOL = np.array([1.0, 0.975, 0.93], np.float32), np.array([0.97, 0.98, 1.0], np.float32)
_SKY, _SUN, _FILL = 0.60, 0.48, 0.14
_CORNERS = ((0.25, 0.25), (0.75, 0.25), (0.25, 0.75), (0.75, 0.75))
_SHOULDER = 0.75  # brightness from where on clay is held back from white
_STEP = 0.02  # of depth between neighbours, as a share of it, that is an edge


@dataclass(frozen=True)
class Portrait:
    """A drawn mesh: uint8 [H, W, 4], RGB and how much of a pixel it covers.

    Attributes:
        color: in its colours, as clay where it has none.
        clay: without.
    """

    color: np.ndarray
    clay: np.ndarray


class Studio:
    """A mesh to be portrayed.

    Args:
        mesh: in any coordinates and unit.
        up: unit [3].
    """

    def __init__(self, mesh: ShownMesh, up: np.ndarray) -> None:
        self.middle = 0.5 * (mesh.vertices.min(axis=0) + mesh.vertices.max(axis=0))
        self.size = float(np.linalg.norm(np.ptp(mesh.vertices, axis=0))) or 1.0
        self.vertices = ((mesh.vertices - self.middle) / self.size).astype(np.float32)
        self.faces = mesh.faces
        self.normals = corner_normals(self.vertices, mesh.faces)
        a, b, c = (self.vertices[mesh.faces[:, k]] for k in range(3))
        self.flat = np.cross(b - a, c - a)
        self.colors = None if mesh.colors is None else mesh.colors.astype(np.float32) / 255.0
        self.up = np.asarray(up, np.float32)

    def look(self, view: Viewpoint, cull: bool) -> Look:
        """The mesh as it is seen from a viewpoint, with or without the faces that turn away from there."""
        return Look(self, view, cull)


class Look:
    """A studio's mesh as it is seen from one viewpoint.

    Args:
        studio: with the mesh.
        view: from where.
        cull: leave out faces that turn away from the eye; they keep no light out, either.
    """

    def __init__(self, studio: Studio, view: Viewpoint, cull: bool) -> None:
        self._of, self.view = studio, view
        self._eye = ((view.eye - studio.middle) / studio.size).astype(np.float32)
        self._shown = np.arange(len(studio.faces))
        if cull:
            corners = studio.vertices[studio.faces[:, 0]]
            self._shown = self._shown[np.einsum("fi,fi->f", studio.flat, corners - self._eye) < 0]
        self._caster = RayCaster(studio.vertices, studio.faces[self._shown], watertight=False)

    def clutter(self, width: int = 192, height: int = 132) -> float:
        """The share of what is seen that something nearer borders on: little where the view is clear."""
        if not len(self._shown):
            return 0.0
        places = self._places(self.view.directions(width, height))
        plain = replace(
            places, color=np.zeros_like(places.color), normal=np.tile(self._of.up, (len(places.normal), 1))
        )
        return float(_edges(plain, self._eye, height, width).sum() / max(int(places.hit.sum()), 1))

    def portrait(self, width: int, height: int, seed: int = 0) -> Portrait:
        """A picture.

        Args:
            width: pixels, even.
            height: pixels, even.
            seed: of the rays to the sky.
        """
        color, clay = np.zeros((2, height * width, 4), np.float32)
        if len(self._shown):
            w, h = width // 2, height // 2
            lamp = _lamp(self.view, self._of.up)
            coarse = self._places(self.view.directions(w, h))
            light = SoftLight(self._caster, coarse, w, h, lamp, np.random.default_rng(seed))

            def drawn(u: np.ndarray, v: np.ndarray) -> tuple[Places, np.ndarray, np.ndarray]:
                places = self._places(self.view.through(u, v, width, height))
                shares = light.at(u[places.hit] / width, v[places.hit] / height, places)
                return places, *self._shaded(places, lamp, *shares)

            v, u = np.divmod(np.arange(width * height), width)
            places, color, clay = drawn(u + 0.5, v + 0.5)
            edges = np.flatnonzero(_edges(places, self._eye, height, width))
            finer = [drawn(u[edges] + du, v[edges] + dv)[1:] for du, dv in _CORNERS]
            for whole, parts in zip((color, clay), zip(*finer)):
                # Colours count as far as they cover the pixel.
                cover = np.sum([part[:, 3:] for part in parts], axis=0)
                rgb = np.sum([part[:, :3] * part[:, 3:] for part in parts], axis=0) / np.maximum(cover, 1e-9)
                whole[edges] = np.concatenate([rgb, cover / len(_CORNERS)], axis=1)
        return Portrait(*(to_bytes(whole).reshape(height, width, 4) for whole in (color, clay)))

    def _places(self, directions: np.ndarray) -> Places:
        """What rays [k, 3] from the eye hit."""
        of = self._of
        hits = self._caster.first_hits(self._eye, directions)
        hit = hits.face >= 0
        face = self._shown[hits.face[hit]]
        weights = np.stack([1.0 - hits.u[hit] - hits.v[hit], hits.u[hit], hits.v[hit]], axis=1)
        towards = directions[hit].astype(np.float32)
        flat = of.flat[face]
        flat = flat * (-np.sign(np.einsum("ki,ki->k", flat, towards)))[:, None]
        flat /= np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-30)
        normal = np.einsum("kc,kci->ki", weights, of.normals[face])
        normal *= np.sign(np.einsum("ki,ki->k", normal, flat))[:, None]
        normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-30)
        if of.colors is None:
            color = np.broadcast_to(_CLAY, normal.shape)
        else:
            color = np.einsum("kc,kci->ki", weights, of.colors[of.faces[face]])
        return Places(hit, self._eye + towards * hits.distance[hit, None], normal, flat, color)

    def _shaded(
        self, places: Places, lamp: np.ndarray, sky: np.ndarray, sun: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """RGB and cover [k, 4], in its colours and as clay."""
        to_eye = -self.view.world_from_cam[:3, 2].astype(np.float32)
        upwards = 0.5 + 0.5 * places.normal @ self._of.up
        bright = np.maximum(places.normal @ lamp, 0.0) * sun
        front = np.maximum(places.normal @ to_eye, 0.0)
        light = (
            (_SKY * sky * (0.72 + 0.28 * upwards))[:, None] * _COOL
            + (_SUN * bright)[:, None] * _WARM
            + (_FILL * front * (0.4 + 0.6 * sky))[:, None]
        )
        clay = np.zeros((len(places.hit), 4), np.float32)
        clay[places.hit, :3], clay[places.hit, 3] = _held_back(_CLAY * light), 1.0
        if self._of.colors is None:
            return clay, clay.copy()
        color = clay.copy()
        # Pictures carry their light with them, so they take less.
        color[places.hit, :3] = places.color * (0.70 + 0.34 * light)
        return color, clay


def _held_back(color: np.ndarray) -> np.ndarray:
    """Colours of which the bright ones never quite reach white, so that forms stay to be seen in them."""
    over = np.maximum(color - _SHOULDER, 0.0)
    room = 1.0 - _SHOULDER
    return np.where(over > 0, _SHOULDER + room * (1.0 - np.exp(-over / room)), color)


def _lamp(view: Viewpoint, up: np.ndarray) -> np.ndarray:
    """Towards the sun, unit [3]: from the viewer's left, high, a little behind him."""
    right, back = view.world_from_cam[:3, 0], -view.world_from_cam[:3, 2]
    level = back - (back @ up) * up
    way = -0.5 * right + 0.65 * level / max(float(np.linalg.norm(level)), 1e-9) + 1.2 * up
    return (way / np.linalg.norm(way)).astype(np.float32)


def _edges(places: Places, eye: np.ndarray, height: int, width: int) -> np.ndarray:
    """Which pixels [height * width] lie at an edge: of the mesh, of depth, of faces, of colour."""

    def spread(values: np.ndarray) -> np.ndarray:
        grid = np.zeros((height * width, *values.shape[1:]), np.float32)
        grid[places.hit] = values
        return grid.reshape(height, width, *values.shape[1:])

    depth = spread(np.linalg.norm(places.place - eye, axis=1))
    normal, color = spread(places.normal), spread(places.color)
    edges = np.zeros((height, width), bool)
    for a, b in ((np.s_[:-1], np.s_[1:]), (np.s_[:, :-1], np.s_[:, 1:])):
        near, far = np.minimum(depth[a], depth[b]), np.maximum(depth[a], depth[b])
        apart = far - near > _STEP * near
        apart |= np.einsum("hwi,hwi->hw", normal[a], normal[b]) < 0.85
        step = np.abs(color[a] - color[b])
        apart |= np.maximum(np.maximum(step[..., 0], step[..., 1]), step[..., 2]) > 0.15
        apart &= far > 0
        edges[a] |= apart
        edges[b] |= apart
    return edges.ravel()
