"""What a camera sees of a run: its field as the fit renders it, its mesh, or where rays meet its field.

A tracer is a function of cameras, the index of one, the frame that it took (or none), and a function that is
told how far the picture is. It gives

    rgb      uint8 [h,w,3], where the tracer has colours
    depth    float32 [h,w], z, world lengths; 0: nothing there
    normal   float32 [h,w,3], unit, world axes, into free space
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import trimesh

from neurfield.errors import UserError
from neurfield.inputs.run import Run
from neurfield.inputs.scene.opened import OpenedScene
from neurfield.light.cells import traced
from neurfield.light.mesh import MeshTraced
from neurfield.light.sphere import SphereTraced
from neurfield.renders.lit import light_of, lit_scene
from neurfield.renders.path import Glimpse, PathTracer
from neurfield.renders.pictures import light_on, over_white
from neurfield.renders.sphere import HitTracer
from neurfield.renders.subpixels import pixels_of, subpixels
from neurfield.report.shade import vertex_colors_of, vertex_normals
from neurfield.scenes import Cameras
from neurfield.scenes.synthesis.raycast import RayCaster
from neurfield.stereo.progress import moving_bar
from neurfield.traced import TracedSurface
from neurfield.wording import suggest

Told = Callable[[float], None]
Draw = Callable[[Cameras, int, "int | None", Told], dict[str, np.ndarray]]
TRACERS = ("volume", "surface", "sphere", "path", "path-mesh")
SAMPLES, _MOST_SAMPLES, _PROBED = 64, 1 << 16, 2
_RAYS_AT_ONCE = 1 << 18
_WHITE = 255.0


@dataclass(frozen=True)
class Tracer:
    """How pictures of a run are made.

    Attributes:
        name: "volume", "surface", "sphere", or of paths what else the pictures depend on.
        has_rgb: whether it knows colours.
        draw: see this module.
        has_frames: whether the run has pictures with which its own are compared.
        more: what render.json says of it.
        glimpsed: is given who wants to see pictures that are not finished; None: there are none.
        quick: draws as it does, so many times as fast, to tell how long it takes; None: itself does.
    """

    name: str
    has_rgb: bool
    draw: Draw
    has_frames: bool = False
    more: Mapping[str, Any] = field(default_factory=dict)
    glimpsed: Callable[[Glimpse], None] | None = None
    quick: tuple[Draw, float] | None = None


@dataclass(frozen=True)
class Lit:
    """How paths of light are to be traced.

    Attributes:
        light: as for `neurfield.renders.lit.light_of`; None: there is none.
        samples: paths a pixel.
        seed: of their random numbers.
        up: which axis of the world is up, "y" or "z": floors and lamps follow it; None: as the run knows.
    """

    light: str | Path | dict[str, Any] | None = None
    samples: int = SAMPLES
    seed: int = 0
    up: str | None = None


def tracer_of(
    run: Run,
    name: str | None,
    cameras: Cameras,
    lighting: Lit | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> Tracer:
    """The tracer for a run.

    Args:
        run: loaded.
        name: of `TRACERS`; None: volume rendering of a scene that has colours, else the mesh.
        cameras: of the whole walk.
        lighting: of paths.
        say: is given a line before what takes long.

    Raises:
        UserError: the run has no surface, or nothing that the tracer needs.
    """
    opened = run.input
    scene = opened if isinstance(opened, OpenedScene) else None
    volume = scene is not None and scene.task.rays is not None and scene.task.color is not None
    name = name or ("volume" if volume else "surface")
    if name not in TRACERS:
        has = ", ".join(TRACERS)
        raise UserError(f"--tracer {name}: there is no such tracer{suggest(name, TRACERS)}; there are: {has}")
    if name == "volume":
        if scene is None or not volume:
            raise UserError(
                f"{run.folder}: the run has no colours along rays: give --tracer surface or sphere"
            )
        return Tracer("volume", True, lambda *given: _volume(scene, *given), True)
    if name.startswith("path"):
        return _lit(run, name, lighting or Lit(), cameras, say)
    if name == "sphere":
        surface = traced_field(run)
        return Tracer("sphere", surface.has_color, HitTracer(surface, lamp=scene is None), scene is not None)
    say("surface  extracting the mesh that is drawn ...")
    with moving_bar() as bar:
        mesh = opened.surface().mesh(tell=bar)
    drawn = MeshTracer(mesh, lamp=scene is None)
    return Tracer("surface", drawn.colors is not None, drawn, scene is not None)


def _lit(run: Run, name: str, lighting: Lit, cameras: Cameras, say: Callable[[str], None]) -> Tracer:
    """Paths of light on the field, or on its mesh."""
    if not 1 <= lighting.samples <= _MOST_SAMPLES:
        raise UserError(f"--samples {lighting.samples}: give 1 to {_MOST_SAMPLES}")
    light = light_of(run, lighting.light, lighting.up)
    if name == "path":
        surface: TracedSurface = traced_field(run)
    else:
        say("surface  extracting the mesh that is lit ...")
        surface = traced_mesh(run)
    scene, said = lit_scene(run, surface, light, lighting.up)
    draw = PathTracer(scene, lighting.samples, lighting.seed, said.exposure, cameras)
    chosen = "given" if said.exposure is not None else "chosen"
    say(
        f"light    {light.where}, {lighting.samples} samples a pixel, exposure {draw.exposure:.3g} ({chosen})"
    )
    more = {
        "light": light.content,
        "samples": lighting.samples,
        "seed": lighting.seed,
        "exposure": draw.exposure,
    }

    def glimpsed(glimpse: Glimpse) -> None:
        draw.glimpse = glimpse

    marked = f"{name}, light {light.mark}, {lighting.samples} samples, seed {lighting.seed}"
    few = min(lighting.samples, _PROBED)
    quick = PathTracer(scene, few, lighting.seed, draw.exposure, cameras), lighting.samples / few
    return Tracer(marked, True, draw, False, more, glimpsed, quick)


def traced_mesh(run: Run) -> MeshTraced:
    """The mesh of a run as a surface that answers rays."""
    mesh = run.input.surface().mesh()
    return MeshTraced(mesh.vertices, mesh.faces, np.asarray(mesh.vertex_normals), vertex_colors_of(mesh))


def traced_field(run: Run) -> SphereTraced:
    """The field of a run as a surface that answers rays.

    Raises:
        UserError: its distances have no sign.
    """
    surface: Any = run.input.surface()
    return traced(surface.field, surface.radiance, surface.box, surface.device)


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
        lamp: whether its colours are shown under a lamp that goes with the camera.
    """

    def __init__(self, mesh: trimesh.Trimesh, lamp: bool = True) -> None:
        self._lamp = lamp
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
        uv = subpixels(w, h)
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

        drawn = pixels_of(w, h, depth, normal, None if self.colors is None else rgb)
        if self.colors is not None:  # they may carry light already, so they take less than clay
            light = 0.5 + 0.5 * light_on(drawn["normal"], cameras, camera) if self._lamp else 1.0
            drawn["rgb"] = over_white(255.0 * np.asarray(light)[..., None] * drawn["rgb"], drawn["opacity"])
        return drawn
