"""Shapes that rays meet in closed form, and paint on them: what the made scenes consist of.

A shape answers `meet(origins [r,3], directions [r,3])` with the distance [r] along each ray to its first
point in front (infinite where there is none) and the unit normal [r,3] there, on either side.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

NEAREST = 1e-6  # metres: a ray does not meet what it starts on


class Shape(Protocol):
    """Something a ray meets."""

    def meet(self, origins: np.ndarray, directions: np.ndarray) -> tuple[np.ndarray, np.ndarray]: ...


@dataclass(frozen=True)
class Sheet:
    """A parallelogram: a corner and its two edges, at right angles, metres."""

    corner: tuple[float, float, float]
    edges: tuple[tuple[float, float, float], tuple[float, float, float]]

    def meet(self, origins: np.ndarray, directions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        first, second = np.asarray(self.edges)
        normal = np.cross(first, second)
        normal /= np.linalg.norm(normal)
        with np.errstate(divide="ignore", invalid="ignore"):
            t = ((np.asarray(self.corner) - origins) @ normal) / (directions @ normal)
        t = np.where(t > NEAREST, t, np.inf)
        place = origins + np.where(np.isfinite(t), t, 0.0)[:, None] * directions - self.corner
        a, b = place @ first / (first @ first), place @ second / (second @ second)
        inside = (a >= 0) & (a <= 1) & (b >= 0) & (b <= 1)
        return np.where(inside, t, np.inf), np.broadcast_to(normal, origins.shape)


@dataclass(frozen=True)
class Ring:
    """A level disc with a hole: its centre, inner and outer radius, metres."""

    centre: tuple[float, float, float]
    radii: tuple[float, float]

    def meet(self, origins: np.ndarray, directions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        with np.errstate(divide="ignore", invalid="ignore"):
            t = (self.centre[2] - origins[:, 2]) / directions[:, 2]
        t = np.where(t > NEAREST, t, np.inf)
        place = origins + np.where(np.isfinite(t), t, 0.0)[:, None] * directions - self.centre
        radius = np.hypot(place[:, 0], place[:, 1])
        inside = (radius >= self.radii[0]) & (radius <= self.radii[1])
        return np.where(inside, t, np.inf), np.broadcast_to([0.0, 0.0, 1.0], origins.shape)


@dataclass(frozen=True)
class Tube:
    """The side of a round cylinder between two points, without lids, metres."""

    start: tuple[float, float, float]
    end: tuple[float, float, float]
    radius: float

    def meet(self, origins: np.ndarray, directions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        axis = np.subtract(self.end, self.start)
        length = np.linalg.norm(axis)
        axis = axis / length
        offset = origins - self.start
        across, along = offset - np.outer(offset @ axis, axis), directions @ axis
        turn = directions - np.outer(along, axis)
        a = np.einsum("rk,rk->r", turn, turn)
        b = np.einsum("rk,rk->r", turn, across)
        c = np.einsum("rk,rk->r", across, across) - self.radius**2
        root = b * b - a * c
        met = root > 0
        root = np.sqrt(np.where(met, root, 0.0))
        best = np.full(len(origins), np.inf)
        for sign in (1.0, -1.0):  # the far side first: the near one, where it counts, replaces it
            with np.errstate(divide="ignore", invalid="ignore"):
                t = (-b + sign * root) / a
            height = offset @ axis + t * along
            best = np.where(met & (t > NEAREST) & (height >= 0) & (height <= length), t, best)
        place = across + np.where(np.isfinite(best), best, 0.0)[:, None] * turn
        return best, place / self.radius


@dataclass(frozen=True)
class Block:
    """A box, seen from outside or from inside: minimum, maximum and a turn about z through its middle.

    Metres and radians.
    """

    low: tuple[float, float, float]
    high: tuple[float, float, float]
    turn: float = 0.0

    def meet(self, origins: np.ndarray, directions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        cos, sin = np.cos(self.turn), np.sin(self.turn)
        world_from_block = np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])
        middle, half = np.add(self.high, self.low) / 2, np.subtract(self.high, self.low) / 2
        o, d = (origins - middle) @ world_from_block, directions @ world_from_block
        with np.errstate(divide="ignore", invalid="ignore"):
            near, far = (-np.sign(d) * half - o) / d, (np.sign(d) * half - o) / d
        near, far = np.where(d == 0, -np.inf, near), np.where(d == 0, np.inf, far)
        enters, leaves = near.max(axis=1), far.min(axis=1)
        outside = enters > NEAREST
        t = np.where(outside, enters, leaves)
        met = (enters <= leaves) & (leaves > NEAREST) & ((np.abs(o) <= half) | (d != 0)).all(axis=1)
        axis = np.where(outside, near.argmax(axis=1), far.argmin(axis=1))
        return np.where(met, t, np.inf), world_from_block.T[axis]


@dataclass(frozen=True)
class Repeats:
    """A wallpaper on y = constant: the same spot again and again, so many metres apart along x and z."""

    period: float

    def __call__(self, points: np.ndarray, footprint: np.ndarray) -> np.ndarray:
        """Colours [r,3] in 0..1 of points [r,3]; the footprint is not looked at."""
        x, z = np.sin(2 * np.pi * points[:, [0, 2]] / self.period).T
        return np.repeat((0.5 + 0.2 * x + 0.2 * z)[:, None], 3, axis=1)


@dataclass(frozen=True)
class Waves:
    """Solid texture: waves in random directions, of lengths between `shortest` and six times that, metres.

    Waves fade where a pixel's footprint cannot carry them, so that nothing flickers between views.
    """

    shortest: float
    seed: int = 0
    strength: float = 0.1
    base: tuple[float, float, float] = (0.55, 0.5, 0.45)
    count: int = 14
    vectors: np.ndarray = field(init=False, repr=False)
    phases: np.ndarray = field(init=False, repr=False)

    def __post_init__(self) -> None:
        random = np.random.default_rng(self.seed)
        direction = random.normal(size=(self.count, 3))
        direction /= np.linalg.norm(direction, axis=1, keepdims=True)
        length = self.shortest * 6.0 ** np.linspace(0, 1, self.count)
        vectors = 2 * np.pi * direction / length[:, None]
        object.__setattr__(self, "vectors", vectors.astype(np.float32))
        object.__setattr__(self, "phases", random.uniform(0, 2 * np.pi, self.count).astype(np.float32))

    def __call__(self, points: np.ndarray, footprint: np.ndarray) -> np.ndarray:
        """Colours [r,3] in 0..1 of points [r,3] seen through pixels this wide [r], metres."""
        sums = np.zeros((2, len(points)), dtype=np.float32)
        place, square = points.astype(np.float32), (0.4 * footprint.astype(np.float32)) ** 2
        for k, (vector, phase) in enumerate(zip(self.vectors, self.phases)):
            fade = 1 / (1 + (vector @ vector) * square)
            sums[k % 2] += fade * np.sin(place @ vector + phase)
        colour = np.array(self.base) + self.strength * (
            np.outer(sums[0], [1.0, 0.9, 0.5]) + np.outer(sums[1], [0.5, 0.7, 1.0])
        )
        return colour.clip(0.02, 1.0)


@dataclass(frozen=True)
class Plain:
    """One colour."""

    colour: tuple[float, float, float]

    def __call__(self, points: np.ndarray, footprint: np.ndarray) -> np.ndarray:
        return np.broadcast_to(np.array(self.colour), points.shape)


@dataclass(frozen=True)
class Posters:
    """Paint on a plain surface: texture within these boxes [k,2,3], metres; elsewhere the plain colour."""

    plain: Plain
    texture: Waves
    boxes: np.ndarray

    def __call__(self, points: np.ndarray, footprint: np.ndarray) -> np.ndarray:
        colour = self.plain(points, footprint).copy()
        within = (points[:, None] >= self.boxes[:, 0]) & (points[:, None] <= self.boxes[:, 1])
        inside = within.all(axis=2).any(axis=1)
        colour[inside] = self.texture(points[inside], footprint[inside])
        return colour


Paint = Waves | Plain | Posters
