"""A light in words: lamps, surroundings, materials and things beside, as a YAML file or a preset has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from neurfield.errors import UserError
from neurfield.light.hdr import read_hdr
from neurfield.light.lights import BallLight, Environment, QuadLight
from neurfield.light.lit import Material, Region
from neurfield.wording import suggest

_MATERIAL = ("albedo", "roughness", "metal", "glow", "strength")
_KEYS = {
    "": ("exposure", "environment", "lamps", "surface", "parts", "meshes", "ground"),
    "environment": ("file", "sky", "color", "strength"),
    "lamps": ("at", "radius", "corner", "edges", "color", "strength"),
    "surface": _MATERIAL,
    "ground": _MATERIAL,
    "parts": ("box", *_MATERIAL),
    "meshes": ("file", *_MATERIAL),
}
_SKY_ROWS = 64
_HIGH, _LOW, _BELOW = np.array([0.22, 0.42, 0.85]), np.array([0.75, 0.85, 1.0]), np.array([0.25, 0.24, 0.22])
_SUN, _SUN_COLOR, _SUN_WIDTH = (0.6, 0.75), np.array([1.0, 0.9, 0.75]), 0.06  # turn and height in radians


@dataclass(frozen=True)
class Lamp:
    """A parallelogram or a ball, world.

    Attributes:
        place: of its corner, or its middle.
        edges: [2, 3] of a parallelogram, which shines to the side of their cross product; None: a ball.
        radius: of a ball.
        radiance: [3] linear.
    """

    place: np.ndarray
    edges: np.ndarray | None
    radius: float
    radiance: np.ndarray

    def counted_from(self, origin: np.ndarray) -> QuadLight | BallLight:
        """The same for a scene that counts points from there."""
        if self.edges is None:
            return BallLight(self.place - origin, self.radius, self.radiance)
        return QuadLight(self.place - origin, self.edges[0], self.edges[1], self.radiance)


@dataclass(frozen=True)
class Lighting:
    """What a file or a preset says.

    Attributes:
        exposure: from radiance to what is shown; None: chosen by what the cameras see.
        lamps: what shines.
        image: the surroundings, as of `Environment`; None: black.
        surface: material of the run's surface.
        regions: where it is another.
        meshes: files, each with its material.
        ground: of a floor under everything; None: there is none.
    """

    exposure: float | None
    lamps: Sequence[Lamp]
    image: np.ndarray | None
    surface: Material
    regions: Sequence[Region]
    meshes: Sequence[tuple[Path, Material]]
    ground: Material | None

    def environment(self, up: np.ndarray) -> Environment | None:
        """The surroundings, upright."""
        return None if self.image is None else Environment(self.image, up)


def lighting_of(content: Mapping[str, Any], where: str, folder: Path) -> Lighting:
    """What a mapping says, checked.

    Args:
        content: as a YAML file has it; see docs/light.md.
        where: what to call it in errors.
        folder: which files are beside.

    Raises:
        UserError: a key or a value that is not one, by its name.
    """
    words = _Words(where, folder)
    given = words.mapping(content, "")
    exposure = given.get("exposure", "auto")
    surroundings = given.get("environment")
    regions = [
        (words.box(part, f"parts[{n}]"), words.material(part, f"parts[{n}]"))
        for n, part in enumerate(words.each(given, "parts"))
    ]
    meshes = [
        (words.file(mesh, f"meshes[{n}]"), words.material(mesh, f"meshes[{n}]"))
        for n, mesh in enumerate(words.each(given, "meshes"))
    ]
    ground = given.get("ground")
    return Lighting(
        None if exposure == "auto" else words.number(exposure, "exposure", 1e-12, 1e12),
        [words.lamp(lamp, f"lamps[{n}]") for n, lamp in enumerate(words.each(given, "lamps"))],
        None if surroundings is None else words.surroundings(surroundings),
        words.material(words.mapping(given.get("surface", {}), "surface"), "surface"),
        [Region(box, material) for box, material in regions],
        meshes,
        None if ground is None else words.material(words.mapping(ground, "ground"), "ground"),
    )


class _Words:
    """Values of one description; each mistake is one line that says where it is."""

    def __init__(self, where: str, folder: Path) -> None:
        self._where, self._folder = where, folder

    def wrong(self, key: str, words: str) -> UserError:
        return UserError(f"{self._where}: {key}: {words}" if key else f"{self._where}: {words}")

    def mapping(self, content: Any, key: str) -> dict[str, Any]:
        """A mapping of known keys."""
        if not isinstance(content, Mapping):
            raise self.wrong(key, f"names with their values are needed; this is '{content}'")
        known = _KEYS[key.partition("[")[0]]
        for name in content:
            if name not in known:
                has = ", ".join(known)
                raise self.wrong(key, f"there is no '{name}'{suggest(str(name), known)}; there are: {has}")
        return dict(content)

    def each(self, given: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
        """The mappings of a list."""
        listed = given.get(key, [])
        if not isinstance(listed, list):
            raise self.wrong(key, "a list is needed, each beginning with '- '")
        return [self.mapping(one, f"{key}[{n}]") for n, one in enumerate(listed)]

    def number(self, value: Any, key: str, least: float = 0.0, most: float = 1e12) -> float:
        """A number within limits."""
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not least <= value <= most:
            raise self.wrong(key, f"a number from {least:g} to {most:g} is needed; this is '{value}'")
        return float(value)

    def point(self, value: Any, key: str) -> np.ndarray:
        """Three numbers."""
        if not isinstance(value, list) or len(value) != 3:
            raise self.wrong(key, f"three numbers such as [1, 0, 2.5] are needed; this is '{value}'")
        return np.array([self.number(one, key, -1e12) for one in value])

    def color(self, value: Any, key: str) -> np.ndarray:
        """Linear [3] of "#rrggbb" (sRGB) or of three linear numbers."""
        if isinstance(value, str):
            digits = value.removeprefix("#")
            if len(digits) == 6 and all(digit in "0123456789abcdefABCDEF" for digit in digits):
                shown = np.array([int(digits[k : k + 2], 16) for k in (0, 2, 4)]) / 255.0
                return np.where(shown <= 0.04045, shown / 12.92, ((shown + 0.055) / 1.055) ** 2.4)
            raise self.wrong(key, f"a colour such as \"#ffc78f\", in quotes, is needed; this is '{value}'")
        return np.maximum(self.point(value, key), 0.0)

    def radiance(self, given: Mapping[str, Any], key: str, name: str = "color") -> np.ndarray:
        """A colour times its strength."""
        strength = self.number(given.get("strength", 1.0), f"{key}.strength")
        return strength * self.color(given.get(name, [1.0, 1.0, 1.0]), f"{key}.{name}")

    def material(self, given: Mapping[str, Any], key: str) -> Material:
        """A material; what is not said is the usual."""
        albedo = None
        if "albedo" in given:
            one = np.clip(self.color(given["albedo"], f"{key}.albedo"), 0.0, 1.0)
            albedo = (float(one[0]), float(one[1]), float(one[2]))
        roughness = given.get("roughness")
        if roughness is not None:
            roughness = self.number(roughness, f"{key}.roughness", 0.0, 1.0)
        metal = self.number(given.get("metal", 0.0), f"{key}.metal", 0.0, 1.0)
        if metal > 0.0 and roughness is None:
            raise self.wrong(f"{key}.metal", "give its roughness, too, such as roughness: 0.3")
        if "strength" in given and "glow" not in given:
            raise self.wrong(f"{key}.strength", "is that of a glow: give its colour, such as glow: [1, 1, 1]")
        glow = self.radiance(given, key, "glow") if "glow" in given else np.zeros(3)
        return Material(albedo, roughness, metal, (float(glow[0]), float(glow[1]), float(glow[2])))

    def box(self, given: Mapping[str, Any], key: str) -> np.ndarray:
        """A box [2, 3]."""
        value = given.get("box")
        if not isinstance(value, list) or len(value) != 2:
            raise self.wrong(key, "a box such as [[0, 0, 0], [1, 2, 1]], minimum and maximum, is needed")
        box = np.stack([self.point(corner, f"{key}.box") for corner in value])
        if not (box[0] < box[1]).all():
            raise self.wrong(f"{key}.box", "its minimum is not below its maximum")
        return box

    def file(self, given: Mapping[str, Any], key: str) -> Path:
        """A file beside the description."""
        if not isinstance(given.get("file"), str):
            raise self.wrong(key, "a file is needed, such as file: table.ply")
        return self._folder / Path(given["file"]).expanduser()

    def lamp(self, given: Mapping[str, Any], key: str) -> Lamp:
        """A ball or a parallelogram."""
        radiance = self.radiance(given, key)
        if "at" in given and "corner" not in given and "edges" not in given:
            radius = self.number(given.get("radius"), f"{key}.radius", 1e-9)
            return Lamp(self.point(given["at"], f"{key}.at"), None, radius, radiance)
        edges = given.get("edges")
        if "at" in given or "radius" in given or "corner" not in given or not isinstance(edges, list):
            raise self.wrong(key, "give at and radius of a ball, or corner and edges of a parallelogram")
        if len(edges) != 2:
            raise self.wrong(f"{key}.edges", "two edges are needed, such as [[1, 0, 0], [0, 1, 0]]")
        both = np.stack([self.point(edge, f"{key}.edges") for edge in edges])
        if not np.linalg.norm(np.cross(both[0], both[1])) > 0.0:
            raise self.wrong(f"{key}.edges", "the edges lie in one line")
        return Lamp(self.point(given["corner"], f"{key}.corner"), both, 0.0, radiance)

    def surroundings(self, value: Any) -> np.ndarray:
        """A map of directions."""
        if isinstance(value, str):
            value = {"sky": True} if value == "sky" else {"file": value}
        given = self.mapping(value, "environment")
        if sum(name in given for name in ("file", "sky", "color")) != 1:
            raise self.wrong("environment", "give one of file, sky and color")
        if "color" in given:
            return np.ones((4, 8, 3), np.float32) * self.radiance(given, "environment").astype(np.float32)
        strength = self.number(given.get("strength", 1.0), "environment.strength")
        image = sky() if "sky" in given else read_hdr(self.file(given, "environment"))
        return np.asarray(strength * image, np.float32)


def sky() -> np.ndarray:
    """A clear sky with a soft sun over dull ground, [64, 128, 3] linear: a picture, no model of air."""
    height = (0.5 - (np.arange(_SKY_ROWS) + 0.5) / _SKY_ROWS) * np.pi
    turn = (np.arange(2 * _SKY_ROWS) + 0.5) / _SKY_ROWS * np.pi
    share = np.clip(np.sin(height), 0.0, 1.0)[:, None] ** 0.5
    rows = np.where(height[:, None] > 0.0, _LOW + share * (_HIGH - _LOW), _BELOW)
    cosine = np.sin(height)[:, None] * np.sin(_SUN[1]) + (
        np.cos(height)[:, None] * np.cos(_SUN[1]) * np.cos(turn - _SUN[0])
    )
    away = np.arccos(np.clip(cosine, -1.0, 1.0))
    glow = 90.0 * np.exp(-0.5 * (away / _SUN_WIDTH) ** 2) * (height[:, None] > 0.0)
    return np.asarray(rows[:, None] + glow[..., None] * _SUN_COLOR, np.float32)
