"""Printed and drawn surfaces: pictures, book covers, the rug, a clock face, a keyboard."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neurfield.scenes.room.noise import hash01, hash01_cells, layered2, noise2
from neurfield.scenes.room.patterns import Rgb, mix, ramp, wave


def _paint(rgb: np.ndarray, colour: Rgb, where: np.ndarray) -> np.ndarray:
    """The colour laid over rgb, `where` [k] says how opaquely."""
    return rgb + where.astype(np.float32)[:, None] * (np.asarray(colour, dtype=np.float32) - rgb)


@dataclass(frozen=True)
class Discs:
    """Abstract print in the x-z plane: overlapping discs, arcs and bars in the colours of a palette."""

    palette: tuple[Rgb, ...]
    width: float
    height: float
    seed: int = 0
    shapes: int = 11

    def __call__(self, points: np.ndarray, normals: np.ndarray) -> np.ndarray:
        rng = np.random.default_rng(self.seed)
        x, z = points[:, 0], points[:, 2]
        soft = 0.004
        rgb = np.broadcast_to(np.asarray(self.palette[0], dtype=np.float32), (len(x), 3))
        for i in range(self.shapes):
            cx, cz = (rng.random(2) - 0.5) * [self.width, self.height]
            size = (0.09 + 0.2 * rng.random()) * min(self.width, self.height) * (1.2 - 0.6 * i / self.shapes)
            colour = self.palette[1 + i % (len(self.palette) - 1)]
            dx, dz = x - np.float32(cx), z - np.float32(cz)
            radius = np.sqrt(dx * dx + dz * dz)
            figure = i % 4
            if figure == 0:
                where = ramp(-radius, -size, soft)
            elif figure == 1:
                where = ramp(-radius, -size, soft) * ramp(dx if rng.random() < 0.5 else dz, 0.0, soft)
            elif figure == 2:
                where = ramp(-np.abs(radius - np.float32(size)), -0.16 * size, soft)
            else:
                where = ramp(-np.abs(dx), -0.2 * size, soft) * ramp(-np.abs(dz), -1.6 * size, soft)
            rgb = _paint(rgb, colour, where)
        return rgb * (np.float32(0.94) + np.float32(0.12) * noise2(x * 120, z * 120))[:, None]


@dataclass(frozen=True)
class Hills:
    """Landscape print in the x-z plane: a sun and receding ridges."""

    sky: tuple[Rgb, Rgb]
    sun: Rgb
    ridges: tuple[Rgb, ...]
    width: float
    height: float
    seed: int = 0

    def __call__(self, points: np.ndarray, normals: np.ndarray) -> np.ndarray:
        x, z = points[:, 0], points[:, 2]
        up = z * np.float32(1 / self.height) + np.float32(0.5)
        rgb = mix(self.sky[0], self.sky[1], up)
        d = np.sqrt((x - np.float32(0.18 * self.width)) ** 2 + (z - np.float32(0.2 * self.height)) ** 2)
        rgb = _paint(rgb, self.sun, ramp(-d, -0.13 * min(self.width, self.height), 0.004))
        for i, colour in enumerate(self.ridges):
            ridge = layered2(
                x * np.float32((5 + 2 * i) / self.width), np.full_like(x, 3.7 * i), 4, self.seed + i
            )
            top = 0.62 - 0.58 * i / len(self.ridges) + 0.3 * (ridge - 0.5)
            where = ramp(top - up, 0.0, 0.006 / self.height)
            grain = np.float32(0.85) + np.float32(0.15) * noise2(x * 60, z * 60, i)
            rgb = _paint(rgb, colour, where * grain)
        return rgb


@dataclass(frozen=True)
class Tiles:
    """Print of quarter circles and triangles, one every `cell` metres, in the plane of two axes."""

    palette: tuple[Rgb, ...]
    cell: float = 0.08
    across: int = 0
    up: int = 2
    seed: int = 0

    def __call__(self, points: np.ndarray, normals: np.ndarray) -> np.ndarray:
        u, v = points[:, self.across] / np.float32(self.cell), points[:, self.up] / np.float32(self.cell)
        i, j = np.floor(u), np.floor(v)
        figure, first, second = (hash01_cells(i, j, self.seed + k) for k in range(3))
        fu, fv = u - i, v - j
        fu = np.where(first < 0.5, fu, 1 - fu)
        fv = np.where(second < 0.5, fv, 1 - fv)
        inside = np.where(figure < 0.6, np.sqrt(fu * fu + fv * fv) < 0.92, fu + fv < 1)
        table = np.asarray(self.palette, dtype=np.float32)
        back = (first * len(table)).astype(np.int32)
        front = (back + 1 + (second * (len(table) - 1)).astype(np.int32)) % len(table)
        rgb = table[np.where(inside, front, back)]
        return rgb * (np.float32(0.92) + np.float32(0.16) * noise2(u * 14, v * 14))[:, None]


@dataclass(frozen=True)
class BookCover:
    """Cloth cover with a title block and bands on the spine, by height (z, from 0 to `height`)."""

    cloth: Rgb
    ink: Rgb
    height: float
    seed: int = 0

    def __call__(self, points: np.ndarray, normals: np.ndarray) -> np.ndarray:
        rng = np.random.default_rng(self.seed)
        v = points[:, 2] * np.float32(1 / self.height)
        grain = noise2(points[:, 0] * 90 + points[:, 1] * 60, points[:, 2] * 90, self.seed)
        shade = np.float32(0.88) + np.float32(0.24) * grain
        rgb = np.asarray(self.cloth, dtype=np.float32) * shade[:, None]
        for _ in range(rng.integers(1, 4)):
            middle, half = rng.uniform(0.08, 0.92), rng.uniform(0.008, 0.03)
            rgb = _paint(rgb, self.ink, ramp(-np.abs(v - np.float32(middle)), -half, 0.012))
        low, high = sorted(rng.uniform(0.3, 0.75, 2))
        block = ramp(v, low, 0.01) * ramp(-v, -max(high, low + 0.2), 0.01)
        letters = hash01(np.floor(v * 46).astype(np.int32), self.seed) > 0.4
        return _paint(rgb, self.ink, block * letters * 0.9)


@dataclass(frozen=True)
class Rug:
    """Carpet in the x-y plane, centred: borders, a lattice of diamonds with crosses, wool grain."""

    field: Rgb
    border: Rgb
    motif: Rgb
    accent: Rgb
    width: float
    depth: float

    def __call__(self, points: np.ndarray, normals: np.ndarray) -> np.ndarray:
        x, y = points[:, 0], points[:, 1]
        ragged = np.float32(0.008) * (noise2(x * 40, y * 40) - np.float32(0.5))
        inset = np.minimum(self.width / 2 - np.abs(x), self.depth / 2 - np.abs(y)).astype(np.float32) + ragged
        cell = 0.36
        u, v = x / np.float32(cell), y / np.float32(cell)
        du, dv = np.abs(u - np.round(u)), np.abs(v - np.round(v))
        diamond = du + dv
        odd = (np.round(u) + np.round(v)).astype(np.int32) & 1
        rgb = np.broadcast_to(np.asarray(self.field, dtype=np.float32), (len(x), 3))
        rgb = _paint(rgb, self.motif, ramp(-np.abs(diamond + ragged * 3 - 0.44), -0.045, 0.02))
        rgb = _paint(rgb, self.accent, ramp(-(diamond + ragged * 3), -0.24, 0.02) * odd)
        rgb = _paint(rgb, self.motif, ramp(-(diamond + ragged * 3), -0.2, 0.02) * (1 - odd))
        rgb = _paint(rgb, self.field, ramp(-np.minimum(du, dv), -0.035, 0.01) * ramp(-diamond, -0.2, 0.02))
        rgb = _paint(rgb, self.border, ramp(-inset, -0.2, 0.006))
        rgb = _paint(rgb, self.accent, ramp(-np.abs(inset - 0.2), -0.012, 0.006))
        teeth = wave(x + y, 0.1) * wave(x - y, 0.1)
        rgb = _paint(rgb, self.field, ramp(teeth, 0.3, 0.1) * ramp(-np.abs(inset - 0.11), -0.055, 0.006))
        rgb = _paint(rgb, self.field, ramp(-inset, -0.03, 0.006))
        wool = noise2(x * 150, y * 150, 3) * np.float32(0.2) + noise2(x * 14, y * 14, 4) * np.float32(0.16)
        return rgb * (np.float32(0.82) + wool)[:, None]


@dataclass(frozen=True)
class ClockFace:
    """Dial in the x-z plane about the origin: hour marks on a pale ground, a ring of minutes."""

    ground: Rgb
    ink: Rgb
    radius: float

    def __call__(self, points: np.ndarray, normals: np.ndarray) -> np.ndarray:
        x, z = points[:, 0] / np.float32(self.radius), points[:, 2] / np.float32(self.radius)
        radius = np.sqrt(x * x + z * z)
        angle = np.arctan2(x, z) * np.float32(12 / (2 * np.pi))
        off = np.abs(angle - np.round(angle)) * radius
        marks = ramp(-off, -0.045, 0.02) * ramp(-np.abs(radius - 0.74), -0.1, 0.02)
        ring = ramp(-np.abs(radius - 0.92), -0.02, 0.015)
        rgb = np.broadcast_to(np.asarray(self.ground, dtype=np.float32), (len(x), 3))
        return _paint(rgb, self.ink, np.maximum(marks, ring))


@dataclass(frozen=True)
class Keys:
    """Laptop deck in the x-y plane about the origin: rows of dark keys and a touch pad on metal."""

    metal: Rgb
    key: Rgb

    def __call__(self, points: np.ndarray, normals: np.ndarray) -> np.ndarray:
        x, y = points[:, 0], points[:, 1]
        gap = np.maximum(wave(x, 0.02), wave(y, 0.02))
        deck = ramp(-np.abs(x), -0.14, 0.002) * ramp(-np.abs(y - 0.03), -0.05, 0.002)
        keys = ramp(-gap, -0.86, 0.08) * deck
        pad = ramp(-np.abs(x), -0.05, 0.002) * ramp(-np.abs(y + 0.065), -0.032, 0.002)
        rgb = np.broadcast_to(np.asarray(self.metal, dtype=np.float32), (len(x), 3))
        up = normals[:, 2] > 0.5
        dull = (0.8 * self.metal[0], 0.8 * self.metal[1], 0.8 * self.metal[2])
        return _paint(_paint(rgb, self.key, keys * up), dull, pad * up)
