"""What closed lines of a plane cut it into, none crossing another, and borders of parts of it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import TypeVar

import numpy as np
from scipy.spatial import cKDTree

from neurfield.slices.chains import chained
from neurfield.slices.crossed import short_pieces
from neurfield.slices.planar import edges_of

Key = TypeVar("Key", bound=Hashable)
_SAME = 1e-6  # of a plane's size: corners nearer than that are one


def borders(
    loops: list[np.ndarray],
    of: Callable[[np.ndarray], np.ndarray],
    parts: Mapping[Key, Sequence[int]],
) -> dict[Key, list[np.ndarray]]:
    """Closed lines [n, 2] around each of some parts of a plane.

    Args:
        loops: closed lines [n, 2] that bound all parts.
        of: which number [P] places [P, 2] have.
        parts: of each the numbers that belong to it.
    """
    corners, edges = arrangement(loops)
    ends = corners[edges]
    along = ends[:, 1] - ends[:, 0]
    across = np.stack([-along[:, 1], along[:, 0]], axis=1) / np.linalg.norm(along, axis=1)[:, None]
    step = 4.0 * _SAME * float(np.ptp(corners, axis=0).max()) * across
    middle = ends.mean(axis=1)
    left, right = of(middle + step), of(middle - step)
    found = {}
    for name, numbers in parts.items():
        border = np.isin(left, numbers) != np.isin(right, numbers)
        lines, _ = chained(edges[border])
        found[name] = [corners[line] for line in lines]
    return found


def arrangement(loops: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Corners [V, 2] and edges [E, 2] between them that closed lines [n, 2] make, none crossing another.

    Edges are cut where they cross and where a corner of another lies on them; what lies twice is there once.
    """
    edges = edges_of(loops)
    near = _SAME * float(np.ptp(edges.reshape(-1, 2), axis=0).max())
    cuts = [np.zeros((0, 2))]
    owners = [np.zeros(0, np.int64)]
    for edge, places in (_corners_on(edges, near), _crossings(edges)):
        owners.append(edge)
        cuts.append(places)
    owner = np.concatenate([np.arange(len(edges)), *owners, np.arange(len(edges))])
    places = np.concatenate([edges[:, 0], *cuts, edges[:, 1]])
    along = edges[:, 1] - edges[:, 0]
    share = ((places - edges[owner, 0]) * along[owner]).sum(axis=1) / (along[owner] ** 2).sum(axis=1)
    order = np.lexsort((share, owner))
    corner = _merged(places, near)
    row, of = corner[order], owner[order]
    pairs = np.stack([row[:-1], row[1:]], axis=1)[of[:-1] == of[1:]]
    pairs = np.sort(pairs[pairs[:, 0] != pairs[:, 1]], axis=1)
    first = np.unique(corner, return_index=True)
    corners = np.zeros((int(corner.max()) + 1, 2))
    corners[first[0]] = places[first[1]]
    return corners, np.unique(pairs, axis=0)


def _merged(places: np.ndarray, near: float) -> np.ndarray:
    """A number [N] for each place [N, 2], the same for those nearer than that."""
    lead = np.arange(len(places))
    pairs = cKDTree(places).query_pairs(near, output_type="ndarray")
    while True:  # the least number of a bunch wanders through it
        least = lead.copy()
        np.minimum.at(least, pairs[:, 0], lead[pairs[:, 1]])
        np.minimum.at(least, pairs[:, 1], lead[pairs[:, 0]])
        if (least == lead).all():
            return np.unique(lead, return_inverse=True)[1].reshape(-1)
        lead = least


def _corners_on(edges: np.ndarray, near: float) -> tuple[np.ndarray, np.ndarray]:
    """Which edge [K] has which ends of others [K, 2] on it."""
    pieces, edge = short_pieces(edges)
    ends = np.unique(edges[:, 0], axis=0)
    reach = 0.5 * float(np.linalg.norm(pieces[:, 1] - pieces[:, 0], axis=1).max()) + near
    beside = cKDTree(ends).query_ball_point(pieces.mean(axis=1), reach)
    count = np.array([len(those) for those in beside])
    if not count.sum():
        return np.zeros(0, np.int64), np.zeros((0, 2))
    of = np.repeat(edge, count)
    place = ends[np.concatenate([np.asarray(those, np.int64) for those in beside])]
    start, along = edges[of, 0], edges[of, 1] - edges[of, 0]
    length = np.linalg.norm(along, axis=1)
    from_start = place - start
    off = np.abs(along[:, 0] * from_start[:, 1] - along[:, 1] * from_start[:, 0]) / length
    share = (from_start * along).sum(axis=1) / length**2
    on = (off <= near) & (share * length > near) & ((1.0 - share) * length > near)
    return of[on], place[on]


def _crossings(edges: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which edge [K] is crossed where [K, 2]: each crossing once for either edge."""
    pieces, edge = short_pieces(edges)
    reach = float(np.linalg.norm(pieces[:, 1] - pieces[:, 0], axis=1).max())
    near = np.sort(edge[cKDTree(pieces.mean(axis=1)).query_pairs(reach, output_type="ndarray")], axis=1)
    near = np.unique(near[near[:, 0] != near[:, 1]], axis=0)
    first, second = edges[near[:, 0]], edges[near[:, 1]]
    a, b = first[:, 1] - first[:, 0], second[:, 1] - second[:, 0]
    between = second[:, 0] - first[:, 0]
    turn = a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]
    with np.errstate(divide="ignore", invalid="ignore"):
        t = (between[:, 0] * b[:, 1] - between[:, 1] * b[:, 0]) / turn
        u = (between[:, 0] * a[:, 1] - between[:, 1] * a[:, 0]) / turn
    cross = (turn != 0.0) & (t > 0.0) & (t < 1.0) & (u > 0.0) & (u < 1.0)
    place = first[cross, 0] + t[cross, None] * a[cross]
    return near[cross].T.reshape(-1), np.concatenate([place, place])
