"""A run under other light: its surface with its colours as albedo, and lamps from words."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from neurfield.errors import UserError
from neurfield.inputs.run import Run
from neurfield.inputs.scene.opened import OpenedScene
from neurfield.light.description import Lighting, lighting_of
from neurfield.light.lit import LitScene, Material
from neurfield.light.mesh import MeshTraced
from neurfield.light.presets import PRESETS, lamp_at, preset
from neurfield.parts.yaml_text import read_mapping
from neurfield.renders.ways import UPS, clearance
from neurfield.shapes import read_shape
from neurfield.surfaces.extractors import is_unsigned
from neurfield.traced import TracedSurface
from neurfield.wording import suggest

_GROUND = 40.0  # of the surface's size, a side of the floor under it
_LOOKED = 96  # rays a side that look for the lowest place
_LAMP_HEIGHT = 0.72  # of a room, where a lamp hangs
_CLAY = (0.7, 0.68, 0.65)  # albedo of what has no colours


@dataclass(frozen=True)
class Light:
    """A light that was asked for, in words.

    Attributes:
        content: as a YAML file has it.
        where: what to call it.
        folder: which its files are beside.
    """

    content: dict[str, Any]
    where: str
    folder: Path

    @property
    def mark(self) -> str:
        """Tells two lights apart, with what the files say that they name."""
        text = json.dumps(self.content, sort_keys=True)
        named = [self.content.get("environment"), *self.content.get("meshes", [])]
        names = [one if isinstance(one, str) else one.get("file") for one in named if one]
        files = [self.folder / name for name in names if isinstance(name, str)]
        data = b"".join(path.read_bytes() for path in files if path.is_file())
        return hashlib.blake2b(text.encode() + data, digest_size=6).hexdigest()


def light_of(run: Run, light: str | Path | dict[str, Any] | None, given_up: str | None = None) -> Light:
    """What --light asks for: a preset, lamp=X,Y,Z, a .yaml, a .hdr, or what such a file would say.

    Args:
        run: loaded; presets are placed by its surface.
        light: as it was typed.
        given_up: as for `up_of`.

    Raises:
        UserError: there is none, or no such one.
    """
    ways = f"{', '.join(PRESETS)}, lamp=X,Y,Z, a .yaml or a .hdr"
    if light is None:
        raise UserError(f"--tracer path: there is no light: give --light {ways}")
    if isinstance(light, dict):
        return Light(light, "light", Path())
    box, text = np.asarray(run.input.surface().box), str(light)
    if text in PRESETS:
        inside = isinstance(run.input, OpenedScene) and run.input.task.scene.kind == "inside"
        up = up_of(run, given_up)
        place = _roomy_place(run, up) if inside else box.mean(axis=0)
        return Light(preset(text, box, up, inside, place), f"--light {text}", Path())
    if text.startswith("lamp="):
        words = text.removeprefix("lamp=").split(",")
        try:
            place = np.array([float(word) for word in words])
        except ValueError:
            place = np.zeros(0)
        if place.shape != (3,) or not np.isfinite(place).all():
            raise UserError(f"--light {text}: give a place of the run's world, as lamp=0.4,0.4,1.5")
        return Light(lamp_at(place, box), f"--light {text}", Path())
    path = Path(text).expanduser()
    if path.suffix.lower() in (".yaml", ".yml"):
        return Light(read_mapping(path), str(path), path.parent)
    if path.suffix.lower() == ".hdr":
        return Light({"environment": path.name}, str(path), path.parent)
    raise UserError(f"--light {text}: there is no such light{suggest(text, PRESETS)}: give {ways}")


def up_of(run: Run, given: str | None = None) -> np.ndarray:
    """Which way of the world is up, [3] unit: "y" or "z" where it is given, else as the run knows, else z."""
    if given is not None:
        return UPS[given]
    opened = run.input
    up = opened.task.scene.up if isinstance(opened, OpenedScene) else opened.up
    return UPS["z"] if up is None else np.asarray(up, np.float64) / np.linalg.norm(up)


def lit_scene(
    run: Run, surface: TracedSurface, light: Light, given_up: str | None = None
) -> tuple[LitScene, Lighting]:
    """A run's surface, whatever it is traced as, under a light; `given_up` as for `up_of`.

    Raises:
        UserError: the light says something that is not one, a file of it cannot be read, or nothing shines.
    """
    said, up = lighting_of(light.content, light.where, light.folder), up_of(run, given_up)
    surfaces: list[tuple[TracedSurface, Material]] = [(surface, said.surface)]
    surfaces += [(_mesh_of(path), material) for path, material in said.meshes]
    if said.ground is not None:
        surfaces.append((_floor(surface, up), said.ground))
    surfaces = [(one, material if one.has_color else _gray(material)) for one, material in surfaces]
    lamps = [lamp.counted_from(surface.origin) for lamp in said.lamps]
    try:
        scene = LitScene(surfaces, lamps, said.environment(up), said.regions, surface.origin)
    except UserError as reason:
        raise UserError(f"{light.where}: {reason}") from reason
    return scene, said


def _gray(material: Material) -> Material:
    """A material with a colour of its own, for what has none."""
    return material if material.albedo is not None else replace(material, albedo=_CLAY)


def _mesh_of(path: Path) -> MeshTraced:
    shape = read_shape(path)
    if not shape.is_mesh:
        raise UserError(f"{path}: holds points alone: give a mesh")
    corners = shape.vertices[shape.faces]
    normals, weighted = np.zeros_like(shape.vertices), np.cross(
        corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    )  # fmt: skip
    for corner in range(3):
        np.add.at(normals, shape.faces[:, corner], weighted)
    colors = None if shape.colors is None else shape.colors / 255.0
    return MeshTraced(shape.vertices, shape.faces, normals, colors)


def _floor(surface: TracedSurface, up: np.ndarray) -> MeshTraced:
    """A square under the lowest place that rays from below meet."""
    box = surface.box
    size, middle = float(np.ptp(box, axis=0).max()), box.mean(axis=0)
    side = np.cross(up, [1.0, 0.0, 0.0] if abs(up[0]) < 0.8 else [0.0, 1.0, 0.0])
    side /= np.linalg.norm(side)
    ahead = np.cross(up, side)
    below = middle - 2.0 * size * up
    steps = (np.arange(_LOOKED) + 0.5) / _LOOKED * 2.0 - 1.0
    u, v = (part.reshape(-1, 1) for part in np.meshgrid(steps, steps))
    origins = torch.from_numpy(below + size * (u * side + v * ahead) - surface.origin).float()
    directions = torch.from_numpy(up).float().expand(len(origins), 3).contiguous()
    hits = surface.first_hits(origins.to(surface.device), directions.to(surface.device))
    t = float(hits.t.min())
    base = below + (t if np.isfinite(t) else 1.5 * size) * up
    half = 0.5 * _GROUND * size
    corners = [base + half * (a * side + b * ahead) for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
    normals = np.tile(up, (4, 1))
    return MeshTraced(np.array(corners), np.array([[0, 1, 2], [0, 2, 3]]), normals)


def _roomy_place(run: Run, up: np.ndarray) -> np.ndarray:
    """Where a lamp hangs in a room: at a height, as far from everything as can be."""
    surface: Any = run.input.surface()
    box = np.asarray(surface.box)
    axis = int(np.abs(up).argmax())
    if is_unsigned(surface.field):
        return np.asarray(box.mean(axis=0))
    height = _LAMP_HEIGHT if up[axis] > 0 else 1.0 - _LAMP_HEIGHT
    steps = [np.linspace(0.1, 0.9, 25) if k != axis else np.array([height]) for k in range(3)]
    places = np.stack(np.meshgrid(*steps, indexing="ij"), axis=-1).reshape(-1, 3)
    points = box[0] + places * np.ptp(box, axis=0)
    far: Callable[[np.ndarray], np.ndarray] = clearance(run)
    return np.asarray(points[far(points).argmax()])
