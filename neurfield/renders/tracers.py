"""What a camera sees of a run: its field as the fit renders it, or its surface alone where it has no colours.

A tracer is a function of cameras, the index of one, the frame that it took (or none), and a function that is
told how far the picture is. It gives

    rgb      uint8 [h,w,3], where the tracer has colours
    depth    float32 [h,w], z, world lengths; 0: nothing there
    normal   float32 [h,w,3], unit, world axes, into free space
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import trimesh

from neurfield.errors import UserError
from neurfield.inputs.run import Run
from neurfield.inputs.scene.opened import OpenedScene
from neurfield.renders.pictures import light_on, over_white
from neurfield.report.shade import vertex_colors_of, vertex_normals
from neurfield.scenes import Cameras
from neurfield.scenes.synthesis.raycast import RayCaster

Told = Callable[[float], None]
Draw = Callable[[Cameras, int, "int | None", Told], dict[str, np.ndarray]]
_RAYS_AT_ONCE = 1 << 18
_SAMPLES = 3  # along each side of a pixel of a mesh
_WHITE = 255.0


@dataclass(frozen=True)
class Tracer:
    """How pictures of a run are made.

    Attributes:
        name: "volume" or "surface".
        has_rgb: whether it knows colours.
        draw: see this module.
        has_frames: whether the run has pictures with which its own are compared.
    """

    name: str
    has_rgb: bool
    draw: Draw
    has_frames: bool = False


def tracer_of(run: Run, say: Callable[[str], None] = lambda line: None) -> Tracer:
    """The tracer for a run: volume rendering of a scene that has colours, else its mesh.

    Args:
        run: loaded.
        say: is given a line before what takes long.

    Raises:
        UserError: the run has no surface.
    """
    opened = run.input
    if isinstance(opened, OpenedScene) and opened.task.rays is not None and opened.task.color is not None:
        return Tracer("volume", True, lambda *given: _volume(opened, *given), True)
    say("surface  extracting the mesh that is drawn ...")
    mesh = opened.surface().mesh()
    drawn = MeshTracer(mesh)
    return Tracer("surface", drawn.colors is not None, drawn)


def _volume(
    opened: OpenedScene, cameras: Cameras, camera: int, frame: int | None, tell: Told
) -> dict[str, np.ndarray]:
    """As the fit renders; an object that stands before nothing stands before white."""
    drawn: dict[str, Any] = opened.see(cameras, camera, 1.0, frame, tell)
    assert opened.task.rays is not None
    background = opened.task.rays.background
    if opened.task.scene.kind == "outside" and (background is None or background.for_outlines):
        white = _WHITE * (1.0 - drawn["opacity"][..., None])
        drawn["rgb"] = np.clip(drawn["rgb"] + white + 0.5, 0.0, 255.0).astype(np.uint8)
    return drawn


class MeshTracer:
    """First hits of a mesh, several rays a pixel; depth is that of the pixel's middle.

    Args:
        mesh: world, its normals into free space.
    """

    def __init__(self, mesh: trimesh.Trimesh) -> None:
        vertices, self._faces = np.asarray(mesh.vertices, np.float64), np.asarray(mesh.faces, np.int64)
        if not len(self._faces):
            raise UserError("the run's surface is empty: fit for longer")
        self._centre = vertices.mean(axis=0)  # Embree counts in float32
        corners = vertices[self._faces]
        face_normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        self._normals = vertex_normals(self._faces, face_normals, len(vertices))
        self.colors = vertex_colors_of(mesh)
        self._caster = RayCaster(vertices - self._centre, self._faces)

    def __call__(self, cameras: Cameras, camera: int, frame: int | None, tell: Told) -> dict[str, np.ndarray]:
        """See this module."""
        w, h = int(cameras.width[camera]), int(cameras.height[camera])
        n = _SAMPLES
        shares = (np.arange(n) + 0.5) / n
        v, u = np.meshgrid((np.arange(h)[:, None] + shares).ravel(), (np.arange(w)[:, None] + shares).ravel(),
                           indexing="ij")  # fmt: skip
        uv = np.stack([u.ravel(), v.ravel()], axis=1)
        normal, depth = np.zeros((len(uv), 3), np.float32), np.zeros(len(uv), np.float32)
        rgb = np.zeros((len(uv), 3), np.float32)
        for start in range(0, len(uv), _RAYS_AT_ONCE):
            part = slice(start, start + _RAYS_AT_ONCE)
            origins, directions, z_per_t = cameras.rays(np.full(len(uv[part]), camera), uv[part])
            hits = self._caster.first_hits(origins - self._centre, directions)
            hit = hits.face >= 0
            depth[part][hit] = hits.distance[hit] * z_per_t[hit]
            corners = self._faces[hits.face[hit]]
            weights = np.stack([1.0 - hits.u[hit] - hits.v[hit], hits.u[hit], hits.v[hit]], axis=1)
            normal[part][hit] = np.einsum("kc,kci->ki", weights, self._normals[corners])
            if self.colors is not None:
                rgb[part][hit] = np.einsum("kc,kci->ki", weights, self.colors[corners])
            tell(min(1.0, (start + _RAYS_AT_ONCE) / len(uv)))
        normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)

        def mean(values: np.ndarray) -> np.ndarray:
            return values.reshape(h, n, w, n, -1).mean(axis=(1, 3))

        blended = mean(normal)
        length = np.linalg.norm(blended, axis=-1, keepdims=True)
        drawn = {
            "depth": depth.reshape(h, n, w, n)[:, n // 2, :, n // 2].copy(),
            "normal": (blended / np.maximum(length, 1e-12)).astype(np.float32),
            "opacity": mean(depth > 0)[..., 0].astype(np.float32),
        }
        if self.colors is not None:  # they may carry light already, so they take less than clay
            light = 0.5 + 0.5 * light_on(drawn["normal"], cameras, camera)
            share = np.maximum(drawn["opacity"], 1e-6)[..., None]
            drawn["rgb"] = over_white(255.0 * light[..., None] * mean(rgb) / share, drawn["opacity"])
        return drawn
