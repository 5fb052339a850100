"""A cloud as planes through its points, whose mean is a surface."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.spatial import cKDTree

from neurfield.shapes.estimate import threads
from neurfield.shapes.normals import areas_of

_FEWEST, _MOST = 12, 64  # neighbours that are averaged
_WIDE = 3.0  # deviations of the noise: the width over which planes are averaged, where points lie no farther
_NOISY = 0.3  # spacings: noise beyond which points are moved onto the mean of the planes around them
_MOVES = (
    2  # a point far off counts itself, and its like, for more than they should: once leaves half of the noise
)
_BATCH = 1 << 16  # places at a time


@dataclass(frozen=True)
class Planes:
    """Points of a surface, each with its plane.

    Attributes:
        points: [N, 3] float64.
        normals: [N, 3] float64, units.
        noise: deviation of the points off the surface.
        turned: whether normals say which side is outside.
    """

    points: np.ndarray
    normals: np.ndarray
    noise: float
    turned: bool = True

    @cached_property
    def tree(self) -> cKDTree:
        """Of the points."""
        return cKDTree(self.points)

    @cached_property
    def spacing(self) -> np.ndarray:
        """[N], the side of the square of surface that each point stands for."""
        return np.sqrt(areas_of(self.points, tree=self.tree))

    @cached_property
    def count(self) -> int:
        """How many neighbours are averaged: those within the width around a point."""
        width = max(float(np.median(self.spacing)), _WIDE * self.noise)
        within = np.pi * (1.5 * width / float(np.median(self.spacing))) ** 2
        return min(len(self.points), int(np.clip(within, _FEWEST, _MOST)))

    def nearest(self, places: np.ndarray, count: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Distances and rows [P, K] of the points nearest to places [P, 3], K of those that are averaged."""
        distance, row = self.tree.query(places, count or self.count, workers=threads())
        return distance.reshape(len(places), -1), row.reshape(len(places), -1)

    def mean(
        self, places: np.ndarray, distance: np.ndarray, nearest: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Heights [P] of places [P, 3] above the mean of planes around them, and its normals [P, 3].

        A mean weighted by a Gaussian of the distance: an implicit moving least squares surface (Kolluri,
        Provably Good Moving Least Squares, 2008, section 3). Its width is the spacing of the points, or three
        deviations of their noise.

        Args:
            places: [P, 3].
            distance: [P, K], as `nearest` gives it.
            nearest: [P, K], likewise.
        """
        heights, normals = np.empty(len(places)), np.empty((len(places), 3))
        for start in range(0, len(places), _BATCH):
            part = slice(start, start + _BATCH)
            row, away = nearest[part], distance[part]
            width = np.maximum(self.spacing[row[:, :1]], _WIDE * self.noise)
            weight = np.exp((away[:, :1] ** 2 - away**2) / width**2)
            weight /= weight.sum(axis=1, keepdims=True)
            normal = self.normals[row]
            if not self.turned:  # as that of the nearest point
                side = np.einsum("nkd,nd->nk", normal, normal[:, 0])
                normal = np.where(side < 0.0, -1.0, 1.0)[..., None] * normal
            height = np.einsum("nkd,nkd->nk", places[part][:, None] - self.points[row], normal)
            heights[part] = (weight * height).sum(axis=1)
            normals[part] = np.einsum("nk,nkd->nd", weight, normal)
        return heights, normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)


def planes_of(points: np.ndarray, normals: np.ndarray, noise: float, turned: bool = True) -> Planes:
    """Planes through points [N, 3]; where these are noisy, moved onto the mean of the planes around them.

    Args:
        points: float64 [N, 3].
        normals: [N, 3] units.
        noise: deviation of the points off the surface.
        turned: whether normals say which side is outside.
    """
    planes = Planes(points, normals, noise, turned)
    if noise <= _NOISY * float(np.median(planes.spacing)):
        return planes
    for _ in range(_MOVES):
        heights, smooth = planes.mean(planes.points, *planes.nearest(planes.points))
        planes = Planes(planes.points - heights[:, None] * smooth, smooth, noise, turned)
    return planes
