"""Procedural surfaces of everyday materials: wood, cloth, plaster, ceramic, leaves.

A pattern is a small frozen record, called with points and normals in the object's frame (metres); it returns
linear rgb. Its coarse features are centimetres wide on purpose: that is what a picture 600 pixels wide shows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neurfield.scenes.room.noise import hash01, hash01_cells, layered2, noise2, noise3

Rgb = tuple[float, float, float]


def mix(a: Rgb | np.ndarray, b: Rgb | np.ndarray, t: np.ndarray) -> np.ndarray:
    """Colours [k,3] float32 between a (t = 0) and b (t = 1), for t [k]."""
    a, b = np.asarray(a, dtype=np.float32), np.asarray(b, dtype=np.float32)
    return a + np.asarray(t, dtype=np.float32)[:, None] * (b - a)


def ramp(value: np.ndarray, edge: float, soft: float) -> np.ndarray:
    """0 below the edge, 1 above, with a linear ramp of width `soft`."""
    return np.clip((value - np.float32(edge)) * np.float32(1 / soft) + np.float32(0.5), 0, 1)


def wave(x: np.ndarray, period: float) -> np.ndarray:
    """Triangle wave in 0..1."""
    f = x * np.float32(1 / period)
    return np.abs(f - np.floor(f) - np.float32(0.5)) * np.float32(2)


def flat(points: np.ndarray, normals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two coordinates in the face: the coordinate plane the normal looks along most."""
    n = np.abs(normals)
    x_face = (n[:, 0] > n[:, 1]) & (n[:, 0] > n[:, 2])
    z_face = (n[:, 2] >= n[:, 1]) & ~x_face
    u = np.where(x_face, points[:, 1], points[:, 0])
    v = np.where(z_face, points[:, 1], points[:, 2])
    return u, v


@dataclass(frozen=True)
class Plain:
    """One colour with a faint mottle: metal, lacquer, plastic, plaster; nearly textureless on purpose."""

    colour: Rgb
    faint: float = 0.03
    size: float = 0.15

    def __call__(self, points: np.ndarray, normals: np.ndarray) -> np.ndarray:
        shade = 1 + np.float32(self.faint) * (2 * noise3(points * np.float32(1 / self.size)) - 1)
        return np.asarray(self.colour, dtype=np.float32) * shade[:, None]


@dataclass(frozen=True)
class Wood:
    """Solid wood: growth rings stretched along `axis` (0, 1, 2), and streaks."""

    light: Rgb
    dark: Rgb
    axis: int = 0
    ring: float = 0.028
    seed: int = 0

    def __call__(self, points: np.ndarray, normals: np.ndarray) -> np.ndarray:
        along = points[:, self.axis]
        a, b = points[:, (self.axis + 1) % 3], points[:, (self.axis + 2) % 3]
        sway = noise3(np.stack([along * 1.1, a * 5, b * 5], 1), self.seed)
        # rings about a pith well off the piece, so that faces show long flames and edges straight lines
        radius = np.sqrt((a + np.float32(0.11)) ** 2 + (b + np.float32(0.23)) ** 2) + np.float32(0.09) * sway
        rings = wave(radius, self.ring)
        streak = noise2((a + b) * 160, along * 6 + a * 31, self.seed)
        return mix(self.light, self.dark, 0.62 * rings * rings + 0.38 * streak)


@dataclass(frozen=True)
class Planks:
    """A floor of boards along x, each with its own tone and grain, dark seams between them."""

    light: Rgb
    dark: Rgb
    width: float = 0.16
    length: float = 1.35

    def __call__(self, points: np.ndarray, normals: np.ndarray) -> np.ndarray:
        x, y = points[:, 0], points[:, 1]
        across = y * np.float32(1 / self.width)
        row = np.floor(across)
        along = x * np.float32(1 / self.length) + hash01(row.astype(np.int32), 3) * 7
        board = np.floor(along)
        tone = hash01_cells(row, board, 5)
        offset = tone * 50
        sway = noise2(x * 1.3 + offset, y * 4 + offset, 1)
        rings = wave(y + np.float32(0.12) * sway, 0.034)
        streak = layered2(x * 5 + offset, y * 120, 2, 2)
        seam_y = np.abs(across - row - np.float32(0.5)) * np.float32(self.width)
        seam_x = np.abs(along - board - np.float32(0.5)) * np.float32(self.length)
        gap_y, gap_x = self.width / 2 - 0.003, self.length / 2 - 0.003
        seam = np.maximum(ramp(seam_y, gap_y, 0.004), ramp(seam_x, gap_x, 0.004))
        shade = (np.float32(0.74) + np.float32(0.42) * tone) * (1 - np.float32(0.62) * seam)
        return mix(self.light, self.dark, 0.5 * rings * rings + 0.45 * streak) * shade[:, None]


@dataclass(frozen=True)
class Weave:
    """Cloth of two yarns: melange in patches of a few centimetres, and the weave itself."""

    warp: Rgb
    weft: Rgb
    pitch: float = 0.012
    seed: int = 0

    def __call__(self, points: np.ndarray, normals: np.ndarray) -> np.ndarray:
        u, v = flat(points, normals)
        threads = (wave(u, self.pitch) + wave(v, self.pitch)) * np.float32(0.5)
        melange = layered2(u * 34, v * 34, 2, self.seed)
        slub = noise2(u * 150, v * 12, self.seed + 1)
        t = 0.18 * threads + 0.62 * melange + 0.32 * slub - 0.06
        return mix(self.warp, self.weft, t)


@dataclass(frozen=True)
class Stripes:
    """Bands of several colours across one coordinate (0, 1, 2), over a fine weave."""

    colours: tuple[Rgb, ...]
    widths: tuple[float, ...]
    axis: int = 0
    weave: float = 0.12

    def __call__(self, points: np.ndarray, normals: np.ndarray) -> np.ndarray:
        edges = np.cumsum(np.asarray(self.widths, dtype=np.float32))
        x = points[:, self.axis]
        x = x - np.floor(x / edges[-1]) * edges[-1]
        band = np.searchsorted(edges, x).clip(0, len(self.colours) - 1)
        rgb = np.asarray(self.colours, dtype=np.float32)[band]
        u, v = flat(points, normals)
        shade = 1 + np.float32(self.weave) * (noise2(u * 90, v * 90) + noise2(u * 9, v * 9, 2) - 1)
        return rgb * shade[:, None]


@dataclass(frozen=True)
class Zigzag:
    """Woven chevrons of several colours in the x-z plane."""

    colours: tuple[Rgb, ...]
    height: float = 0.035
    period: float = 0.11

    def __call__(self, points: np.ndarray, normals: np.ndarray) -> np.ndarray:
        v = points[:, 2] + np.float32(self.height * 1.2) * wave(points[:, 0], self.period)
        row = np.floor(v * np.float32(1 / self.height)).astype(np.int32) % len(self.colours)
        rgb = np.asarray(self.colours, dtype=np.float32)[row]
        grain = noise2(points[:, 0] * 120, points[:, 2] * 120)
        return rgb * (np.float32(0.88) + np.float32(0.24) * grain)[:, None]


@dataclass(frozen=True)
class Ceramic:
    """Glaze with speckles; a band of another glaze below `band` metres."""

    glaze: Rgb
    speckle: Rgb
    band: float = -1.0
    lower: Rgb = (0.2, 0.2, 0.2)

    def __call__(self, points: np.ndarray, normals: np.ndarray) -> np.ndarray:
        drip = points[:, 2] + np.float32(0.012) * noise3(points * 40)
        rgb = mix(self.lower, self.glaze, ramp(drip, self.band, 0.004))
        spots = ramp(noise3(points * 190, 3), 0.84, 0.06) * 0.6
        cloud = 1 + np.float32(0.14) * (noise3(points * 22, 7) - 0.5)
        return mix(rgb * cloud[:, None], self.speckle, spots)


@dataclass(frozen=True)
class Foliage:
    """Leaf green that varies from leaf to leaf and along it."""

    young: Rgb
    old: Rgb
    spread: float = 7.0

    def __call__(self, points: np.ndarray, normals: np.ndarray) -> np.ndarray:
        patch = noise3(points * np.float32(self.spread), 2)
        fine = noise3(points * np.float32(60), 4)
        under = ramp(-normals[:, 2], 0.0, 0.6)
        t = np.clip(1.5 * patch - 0.35 + 0.3 * (fine - 0.5), 0, 1)
        return mix(mix(self.young, self.old, t), self.young, 0.35 * under)


@dataclass(frozen=True)
class Wicker:
    """Basketry around the z axis: `strands` around it, a row every `pitch` metres up."""

    light: Rgb
    dark: Rgb
    strands: int = 44
    pitch: float = 0.022

    def __call__(self, points: np.ndarray, normals: np.ndarray) -> np.ndarray:
        around = np.arctan2(points[:, 1], points[:, 0]) * np.float32(self.strands / (2 * np.pi))
        row = np.floor(points[:, 2] * np.float32(1 / self.pitch))
        column = np.floor(around + 0.5 * row)
        inside = np.abs(points[:, 2] * np.float32(1 / self.pitch) - row - np.float32(0.5)) * 2
        across = np.abs(around + np.float32(0.5) * row - column - np.float32(0.5)) * 2
        tone = hash01_cells(row, column, 1)
        return mix(self.light, self.dark, np.clip(0.5 * tone + 0.5 * np.maximum(inside, across) ** 4, 0, 1))


@dataclass(frozen=True)
class Fruit:
    """Skin that goes from one colour to another, with freckles."""

    one: Rgb
    other: Rgb
    seed: int = 0

    def __call__(self, points: np.ndarray, normals: np.ndarray) -> np.ndarray:
        blush = noise3(points * 18, self.seed)
        freckles = ramp(noise3(points * 260, self.seed + 1), 0.8, 0.1)
        return mix(mix(self.one, self.other, ramp(blush, 0.5, 0.5)), (0.75, 0.62, 0.3), 0.4 * freckles)


@dataclass(frozen=True)
class Slabs:
    """A stone floor: square slabs in the x-y plane, each with its own tone and veins, grout between them."""

    light: Rgb
    dark: Rgb
    grout: Rgb
    size: float = 0.45

    def __call__(self, points: np.ndarray, normals: np.ndarray) -> np.ndarray:
        u, v = points[:, 0] * np.float32(1 / self.size), points[:, 1] * np.float32(1 / self.size)
        i, j = np.floor(u), np.floor(v)
        tone, shift = hash01_cells(i, j, 4), hash01_cells(i, j, 9) * 40
        cloud = layered2(u * 3 + shift, v * 3 + shift, 3, 6)
        vein = np.abs(layered2(u * 1.7 + shift, v * 1.7 - shift, 3, 2) - np.float32(0.5))
        edge = np.float32(0.5) - np.maximum(np.abs(u - i - np.float32(0.5)), np.abs(v - j - np.float32(0.5)))
        t = np.clip(0.75 * cloud + 0.6 * tone - 0.3, 0, 1)
        rgb = mix(self.light, self.dark, t) * (1 - 0.35 * ramp(-vein, -0.018, 0.02))[:, None]
        return mix(self.grout, rgb, ramp(edge * np.float32(self.size), 0.004, 0.003))


@dataclass(frozen=True)
class Wallpaper:
    """Paper printed with rows of pointed leaves, every other row shifted by half a leaf."""

    ground: Rgb
    ink: Rgb
    pitch: float = 0.14

    def __call__(self, points: np.ndarray, normals: np.ndarray) -> np.ndarray:
        u, v = flat(points, normals)
        up = v * np.float32(1 / (1.3 * self.pitch))
        row = np.floor(up)
        across = u * np.float32(1 / self.pitch) + np.float32(0.5) * (row.astype(np.int32) & 1)
        x, y = np.abs(across - np.floor(across) - np.float32(0.5)), up - row
        width = np.float32(0.34) * np.sin(np.float32(np.pi) * np.clip(y * 1.1, 0, 1))
        leaf = ramp(width - x, 0.0, 0.05) * (1 - ramp(-x, -0.02, 0.02))
        ribs = ramp(wave(y + x * 0.9, 0.2), 0.75, 0.3)
        paper = 1 + np.float32(0.08) * (noise2(u * 30, v * 30) - np.float32(0.5))
        return mix(self.ground, self.ink, leaf * (1 - 0.45 * ribs)) * paper[:, None]


@dataclass(frozen=True)
class Pile:
    """Carpet from wall to wall: flecks of two wools, and paths trodden into it."""

    wool: Rgb
    fleck: Rgb

    def __call__(self, points: np.ndarray, normals: np.ndarray) -> np.ndarray:
        x, y = points[:, 0], points[:, 1]
        flecks = ramp(noise2(x * 70, y * 70, 1), 0.62, 0.25) * 0.7 + 0.3 * noise2(x * 19, y * 19, 2)
        trodden = np.float32(0.9) + np.float32(0.2) * layered2(x * 2.1, y * 2.1, 2, 5)
        return mix(self.wool, self.fleck, flecks) * trodden[:, None]
