"""How much of an open sky and of a soft sun the places of a picture see.

Stratified rays about each place's normal (cosine-weighted by Malley's method; Pharr et al., Physically Based
Rendering, section 13.6), few of them, smoothed along the surface by an edge-avoiding a-trous filter
(Dammertz et al., Edge-avoiding a-trous wavelet transform for fast global illumination filtering, HPG 2010).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neurfield.scenes.synthesis.raycast import RayCaster

_SKY_RAYS, _SUN_RAYS = 12, 4
_SKY_REACH = 0.13  # what is farther away keeps no sky out
_SUN_WIDTH = 0.07  # radians about its direction
_STEPS = (1, 2, 4)  # of the filter, in pixels
_OFF = 4e-4  # how far from its place a ray begins
_THICK = 0.006  # how far from a place's plane another one counts as of the same surface
_GOLDEN = np.pi * (3.0 - np.sqrt(5.0))


@dataclass(frozen=True)
class Places:
    """What k rays hit, in units of the mesh's size.

    Attributes:
        hit: bool [k].
        place, normal, flat: [h, 3] of those that hit; the smooth normal and the face's own, towards the eye.
        color: [h, 3] in 0..1.
    """

    hit: np.ndarray
    place: np.ndarray
    normal: np.ndarray
    flat: np.ndarray
    color: np.ndarray


class SoftLight:
    """The light on what a picture of `width` x `height` pixels shows.

    Args:
        caster: of the mesh that keeps light out.
        places: what rays through the pixels' centres hit.
        width, height: pixels.
        to_sun: unit [3].
        random: of the rays.
    """

    def __init__(
        self, caster: RayCaster, places: Places, width: int, height: int, to_sun: np.ndarray,
        random: np.random.Generator,
    ) -> None:  # fmt: skip
        self._shape = height, width
        spread = np.full((height * width, 8), np.nan, np.float32)  # place, normal, sky, sun
        spread[:, 6:] = 0.0
        start = places.place + _OFF * places.flat
        spread[places.hit, :3], spread[places.hit, 3:6] = places.place, places.normal
        spread[places.hit, 6] = _sky(caster, start, places.normal, places.flat, random)
        spread[places.hit, 7] = _sun(caster, start, to_sun, random)
        self._grid = spread.reshape(height, width, 8)
        self._filled = places.hit.reshape(height, width)
        for step in _STEPS:
            self._grid = _smoothed(self._grid, self._filled, step)

    def at(self, across: np.ndarray, down: np.ndarray, places: Places) -> tuple[np.ndarray, np.ndarray]:
        """The seen shares [h] of the sky and of the sun at places, whose rays went through a picture.

        Args:
            across, down: [h] where, in 0..1 of the picture.
            places: of which those that were hit count.
        """
        h, w = self._shape
        x, y = across * w - 0.5, down * h - 0.5
        left, top = np.floor(x).astype(int), np.floor(y).astype(int)
        total, loose = np.zeros((2, len(x), 3), np.float32)
        for dx in (0, 1):
            for dy in (0, 1):
                column, row = np.clip(left + dx, 0, w - 1), np.clip(top + dy, 0, h - 1)
                near = np.abs(1 - dx - (x - left)) * np.abs(1 - dy - (y - top)) + 1e-3
                other = self._grid[row, column]
                alike = _alike(places.place, places.normal, other)
                values = np.stack([np.ones(len(x), np.float32), other[:, 6], other[:, 7]], axis=1)
                total += (near * alike)[:, None] * values
                loose += (near * self._filled[row, column])[:, None] * values
        enough = total[:, :1] > 1e-4
        chosen = np.where(enough, total, loose)
        shares = chosen[:, 1:] / np.maximum(chosen[:, :1], 1e-9)
        return np.where(chosen[:, 0] > 0, shares[:, 0], 1.0), np.where(chosen[:, 0] > 0, shares[:, 1], 1.0)


def _sky(
    caster: RayCaster, start: np.ndarray, normal: np.ndarray, flat: np.ndarray, random: np.random.Generator
) -> np.ndarray:
    """The share of the sky above each place [k] that is seen."""
    side, ahead = _beside(normal)
    turn = 2 * np.pi * random.random(len(start), dtype=np.float32)
    seen = np.zeros(len(start), np.float32)
    for k in range(_SKY_RAYS):
        squared = (k + random.random(len(start), dtype=np.float32)) / _SKY_RAYS
        angle, radius = turn + np.float32(k * _GOLDEN), np.sqrt(squared)
        way = (
            (radius * np.cos(angle))[:, None] * side
            + (radius * np.sin(angle))[:, None] * ahead
            + np.sqrt(1.0 - squared)[:, None] * normal
        )
        # Where the smooth normal leans, a ray may start into its own face: it is turned back out of it.
        into = np.minimum(np.einsum("ki,ki->k", way, flat), 0.0)
        way -= 2.0 * into[:, None] * flat
        # Short rays and long ones: what is near keeps more sky out.
        reach = _SKY_REACH * np.sqrt(random.random(len(start), dtype=np.float32))
        seen += ~caster.occluded(start, way * reach[:, None])
    return seen / _SKY_RAYS


def _sun(caster: RayCaster, start: np.ndarray, to_sun: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """The share of the sun that is seen from each place [k]."""
    side, ahead = (axis[0] for axis in _beside(np.asarray(to_sun, np.float32)[None]))
    turn = 2 * np.pi * random.random(len(start), dtype=np.float32)
    seen = np.zeros(len(start), np.float32)
    for k in range(_SUN_RAYS):
        radius = _SUN_WIDTH * np.sqrt((k + random.random(len(start), dtype=np.float32)) / _SUN_RAYS)
        angle = turn + np.float32(k * _GOLDEN)
        way = to_sun + (radius * np.cos(angle))[:, None] * side + (radius * np.sin(angle))[:, None] * ahead
        seen += ~caster.occluded(start, (2.0 * way).astype(np.float32))
    return seen / _SUN_RAYS


def _beside(normal: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two units [k, 3] each that stand on the unit normals [k, 3] and on each other."""
    x, y = np.eye(3, dtype=np.float32)[:2]
    least = np.where(np.abs(normal[:, :1]) < 0.7, x, y)
    side = np.cross(normal, least)
    side /= np.linalg.norm(side, axis=1, keepdims=True)
    return side, np.cross(normal, side)


def _alike(place: np.ndarray, normal: np.ndarray, other: np.ndarray) -> np.ndarray:
    """How much others (place, normal, ...) [..., 8] are of the same surface, in 0..1; NaN is not."""
    off = np.einsum("...i,...i->...", other[..., :3] - place, normal) / _THICK
    turned = np.einsum("...i,...i->...", other[..., 3:6], normal)
    squared = np.maximum(turned, 0.0) ** 2
    squared *= squared
    weight = np.exp(-(off * off)) * squared * squared
    return np.where(np.isnan(weight), np.float32(0.0), weight)


def _smoothed(grid: np.ndarray, filled: np.ndarray, step: int) -> np.ndarray:
    """One pass of the filter over (place, normal, sky, sun) [h, w, 8], with taps `step` pixels apart."""
    total = np.zeros((*grid.shape[:2], 3), np.float32)
    height, width = filled.shape
    for dy in (-step, 0, step):
        for dx in (-step, 0, step):
            to = np.s_[max(0, -dy) : height - max(0, dy), max(0, -dx) : width - max(0, dx)]
            fro = np.s_[max(0, dy) : height + min(0, dy), max(0, dx) : width + min(0, dx)]
            kernel = (0.5 if dx == 0 else 0.25) * (0.5 if dy == 0 else 0.25)
            weight = kernel * _alike(grid[to][..., :3], grid[to][..., 3:6], grid[fro])
            total[to][..., 0] += weight
            total[to][..., 1:] += weight[..., None] * grid[fro][..., 6:]
    smooth = grid.copy()
    smooth[filled, 6:] = (total[..., 1:] / np.maximum(total[..., :1], 1e-9))[filled]
    return smooth
