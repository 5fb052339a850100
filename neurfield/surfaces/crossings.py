"""Which edges of a lattice an unsigned field's surface crosses, told from gradients on both sides.

A surface between two points turns the gradient round, and each of them lies behind the tangent plane that the
other one tells of. Close to a crease the same holds of points that see two faces of it from one side, so an
edge that is not clear is halved and asked again, down to a 128th of a cell or to what noise leaves.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

Query = Callable[
    [np.ndarray], tuple[np.ndarray, np.ndarray]
]  # points [k, 3] in cells: distances, unit gradients

_CLEAR = 0.9  # the cosine of two gradients of one side of a smooth surface
_ALIKE = 0.5
_FINEST = 1.0 / 128.0  # of a cell


class Samples(NamedTuple):
    """What is known of points, in cells.

    Attributes:
        points: [n, 3].
        distances: [n], not negative.
        normals: [n, 3] unit gradients, 0 where there is none.
    """

    points: np.ndarray
    distances: np.ndarray
    normals: np.ndarray

    def select(self, rows: np.ndarray) -> Samples:
        """Some of them."""
        return Samples(*(column[rows] for column in self))

    @property
    def feet(self) -> np.ndarray:
        """The points of the surface that they tell of [n, 3]."""
        return self.points - self.distances[:, None] * self.normals


def joined(*parts: Samples) -> Samples:
    """All of them."""
    return Samples(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def crossings(samples: Samples, ends: np.ndarray, length: float, query: Query, noise: float) -> np.ndarray:
    """How often each of the edges is crossed [e].

    Args:
        samples: of the lattice.
        ends: [e, k] rows of samples along each edge, evenly apart.
        length: from one of them to the next, in cells.
        query: asks the field.
        noise: by how much distances err, in cells.
    """
    pairs = ends.shape[1] - 1
    edge = np.tile(np.arange(len(ends)), pairs)
    low = samples.select(ends[:, :-1].T.reshape(-1))
    high = samples.select(ends[:, 1:].T.reshape(-1))
    count = np.zeros(len(ends), dtype=np.int64)
    most = len(samples.points)  # of queries, in case nothing is clear anywhere
    while True:
        turned, unclear = _turns(low, high, length, noise)
        last = length / 2 < max(_FINEST, noise) or unclear.sum() > most
        if last:
            alike, behind = (low.normals * high.normals).sum(axis=1), _behind(low, high)
            turned |= unclear & (alike < _ALIKE) & (behind[0] | behind[1])
        count += np.bincount(edge[turned], minlength=len(ends))
        if last or not unclear.any():
            return count
        edge, low, high = edge[unclear], low.select(unclear), high.select(unclear)
        points = 0.5 * (low.points + high.points)
        middle = Samples(points, *query(points))
        most -= len(points)
        edge, low, high = np.tile(edge, 2), joined(low, middle), joined(middle, high)
        length /= 2


def _turns(low: Samples, high: Samples, length: float, noise: float) -> tuple[np.ndarray, np.ndarray]:
    """Stretches that are crossed once, clearly, and those of which that cannot be said."""
    reached = low.distances + high.distances <= 1.05 * length + 2.0 * noise
    alike = (low.normals * high.normals).sum(axis=1)
    behind = _behind(low, high)
    turned = reached & (alike < -_CLEAR) & behind[0] & behind[1]
    # Along a sheet that is closer than the one that is crossed, gradients alone do not tell of that.
    way = (high.points - low.points) / length
    steep = np.abs((low.normals * way).sum(axis=1)) > _CLEAR
    hidden = (low.distances + high.distances <= length) & ~steep
    apart = ~reached | ((alike > _CLEAR) & ~hidden) | ((alike < -_CLEAR) & ~behind[0] & ~behind[1])
    return turned, ~turned & ~apart


def _behind(low: Samples, high: Samples) -> tuple[np.ndarray, np.ndarray]:
    """Whether each end lies behind the plane that the other one tells of."""
    first = ((low.points - high.feet) * high.normals).sum(axis=1) < 0.0
    second = ((high.points - low.feet) * low.normals).sum(axis=1) < 0.0
    return first, second
