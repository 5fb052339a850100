"""A cloud as planes through its points, whose mean is a surface."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.spatial import cKDTree

from neurfield.shapes.estimate import threads
from neurfield.shapes.normals import areas_of

_AVERAGED = 12  # neighbours: they lie within two spacings
_BATCH = 1 << 16  # places at a time


@dataclass(frozen=True)
class Planes:
    """Points of a surface, each with its plane.

    Attributes:
        points: [N, 3] float64.
        normals: [N, 3] float64, units.
        turned: whether normals say which side is outside.
    """

    points: np.ndarray
    normals: np.ndarray
    turned: bool = True

    @cached_property
    def tree(self) -> cKDTree:
        """Of the points."""
        return cKDTree(self.points)

    @cached_property
    def spacing(self) -> np.ndarray:
        """[N], the side of the square of surface that each point stands for."""
        return np.sqrt(areas_of(self.points, tree=self.tree))

    def nearest(self, places: np.ndarray, count: int = _AVERAGED) -> tuple[np.ndarray, np.ndarray]:
        """Distances and rows [P, K] of the points nearest to places [P, 3]."""
        distance, row = self.tree.query(places, min(count, len(self.points)), workers=threads())
        return distance.reshape(len(places), -1), row.reshape(len(places), -1)

    def mean(
        self, places: np.ndarray, distance: np.ndarray, nearest: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Heights [P] of places [P, 3] above the mean of planes around them, and its normals [P, 3].

        A mean weighted by a Gaussian of the distance, as wide as points lie apart.

        Args:
            places: [P, 3].
            distance: [P, K], as `nearest` gives it.
            nearest: [P, K], likewise.
        """
        heights, normals = np.empty(len(places)), np.empty((len(places), 3))
        for start in range(0, len(places), _BATCH):
            part = slice(start, start + _BATCH)
            row, away = nearest[part], distance[part]
            weight = np.exp((away[:, :1] ** 2 - away**2) / self.spacing[row[:, :1]] ** 2)
            normal = self.normals[row]
            if not self.turned:  # as that of the nearest point
                normal = alike(normal, normal[:, 0])
            offset = places[part][:, None] - self.points[row]
            heights[part], normals[part] = mean_plane(offset, normal, weight)
        return heights, normals


def mean_plane(offset: np.ndarray, normal: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Heights [P] above the mean of planes, and its normals [P, 3].

    The way from a point of a surface to another is across the sum of both normals: exactly so on spheres, so
    that the mean is on the surface wherever that bends by a constant, and whatever its points are drawn
    like. Kolluri's mean (Provably Good Moving Least Squares, 2008, section 3), which asks the normals of the
    points alone, lies off it by half of its width squared times the curvature. The sum of both normals:
    Rusinkiewicz, A Symmetric Objective Function for ICP, 2019, Eq. 7.

    Args:
        offset: [P, K, 3] from points to the place.
        normal: [P, K, 3] of these points.
        weight: [P, K] of each, not all zero.
    """
    weight = weight / weight.sum(axis=1, keepdims=True)
    about = np.einsum("nk,nkd->nd", weight, normal)
    about /= np.maximum(np.linalg.norm(about, axis=1, keepdims=True), 1e-12)
    theirs = np.einsum("nk,nkd,nkd->n", weight, offset, normal)
    ours = np.einsum("nk,nkd,nd->n", weight, offset, about)
    return 0.5 * (theirs + ours), about


def alike(normal: np.ndarray, to: np.ndarray) -> np.ndarray:
    """Normals [P, K, 3] turned to the side of one for each row [P, 3]."""
    side = np.einsum("nkd,nd->nk", normal, to)
    return np.where(side < 0.0, -1.0, 1.0)[..., None] * normal
