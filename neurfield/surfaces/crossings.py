"""Which edges of a lattice an unsigned field's surface crosses, told from gradients on both sides.

A surface between two points turns the gradient round, and each of them lies behind the tangent plane that the
other one tells of. Close to a crease the same holds of points that see two faces of it from one side, so an
edge that is not clear is halved and asked again, down to a 128th of a cell or to what noise leaves.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from neurfield.ops.dual_steps import LIKELY, TURNED, UNCLEAR, crossing_turns

Query = Callable[
    [np.ndarray], tuple[np.ndarray, np.ndarray]
]  # points [k, 3] in cells: distances, unit gradients

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
        feet = self.distances[:, None] * self.normals
        return np.subtract(self.points, feet, out=feet)


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
    low, high = ends[:, :-1].T.reshape(-1), ends[:, 1:].T.reshape(-1)
    count = np.zeros(len(ends), dtype=np.int64)
    most = len(samples.points)  # of queries, in case nothing is clear anywhere
    while True:
        turns = crossing_turns(*samples, low, high, length, noise)
        turned, unclear = turns == TURNED, turns >= UNCLEAR
        last = length / 2 < max(_FINEST, noise) or unclear.sum() > most
        if last:
            turned |= turns == LIKELY
        count += np.bincount(edge[turned], minlength=len(ends))
        if last or not unclear.any():
            return count
        edge, below, above = edge[unclear], samples.select(low[unclear]), samples.select(high[unclear])
        points = 0.5 * (below.points + above.points)
        samples = joined(below, Samples(points, *query(points)), above)
        most -= len(points)
        row = np.arange(len(points))
        edge = np.tile(edge, 2)
        low, high = (np.concatenate([row + k * len(row), row + (k + 1) * len(row)]) for k in (0, 1))
        length /= 2
