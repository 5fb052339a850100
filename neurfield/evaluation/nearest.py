"""The nearest point of a triangle mesh, exactly, for many points at once.

A tree of boxes over the triangles in Morton order is walked level by level for all queries together: no
recursion, no loop over points.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.spatial import cKDTree

_ANCHORS = 3
_CHUNK = 1 << 12
_MORTON_BITS = 20


@dataclass(frozen=True)
class Nearest:
    """What is nearest to k query points on a surface.

    Attributes:
        distance: [k], to the nearest point that is seen.
        faces: [k], the face it lies on.
    """

    distance: np.ndarray
    faces: np.ndarray


class NearestSurface:
    """Finds for points in space the nearest point on triangles, exactly.

    The triangles of the nearest anchors give a first distance; whatever triangle could be nearer is then
    found by its box.

    Args:
        triangles: [f,3,3].
        anchors: [a,3], any points spread over the triangles.
        anchor_faces: [a], the triangle that each lies on.
    """

    def __init__(self, triangles: np.ndarray, anchors: np.ndarray, anchor_faces: np.ndarray) -> None:
        self._triangles = triangles
        self._anchor_faces = anchor_faces
        self._anchor_tree = cKDTree(anchors)
        self._boxes = BoxTree(triangles)

    def __call__(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """For points [k,3]: distances [k], nearest points [k,3], and the triangles they are on [k]."""
        parts = [points[start : start + _CHUNK] for start in range(0, len(points), _CHUNK)]
        # numpy lets go of the interpreter within its loops, so parts run side by side, each for itself.
        with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
            answers = list(pool.map(self._nearest, parts))
        distance, nearest, faces = zip(*answers)
        return np.concatenate(distance), np.concatenate(nearest), np.concatenate(faces)

    def _nearest(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        m = min(_ANCHORS, self._anchor_tree.n)
        guesses = self._anchor_faces[self._anchor_tree.query(points, k=m)[1].ravel()]
        distance, feet, _ = self._best(points, np.repeat(np.arange(len(points)), m), guesses)
        away = None
        if distance.max(initial=0.0) > self._boxes.size:  # one seldom pays its planes
            away = (points - feet) / np.maximum(distance, 1e-300)[:, None]
        # A hair more than this distance, so that its own triangle is found again and rounding loses nothing.
        rows, candidates = self._boxes.within(points, distance * (1.0 + 1e-9) + 1e-12, away)
        return self._best(points, rows, candidates)

    def _best(
        self, points: np.ndarray, rows: np.ndarray, candidates: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The nearest candidate of each point; candidates are pairs sorted by row, at least one a point."""
        closest = closest_on_triangles(points[rows], self._triangles[candidates])
        squared = ((closest - points[rows]) ** 2).sum(axis=1)
        starts = np.searchsorted(rows, np.arange(len(points)))
        least = np.minimum.reduceat(squared, starts)
        hits = np.flatnonzero(squared == least[rows])
        chosen = hits[np.searchsorted(rows[hits], np.arange(len(points)))]
        return np.sqrt(least), closest[chosen], candidates[chosen]


@dataclass(frozen=True)
class _Slabs:
    """Pieces of a ball between two planes, in each of which a run of triangles lies.

    Attributes:
        centre: [n,3] of the balls.
        radius: [n].
        normal: [n,3] unit or zero, across the planes.
        low, high: [n], where the planes are along it, from the centre.
    """

    centre: np.ndarray
    radius: np.ndarray
    normal: np.ndarray
    low: np.ndarray
    high: np.ndarray

    def gap(self, points: np.ndarray, away: np.ndarray, nodes: np.ndarray) -> np.ndarray:
        """How far points [k,3] are, along unit directions [k,3], from the planes across these that touch.

        No point of the node is nearer.
        """
        along = _dot(away, self.normal[nodes])
        end = np.where(along >= 0.0, self.high[nodes], -self.low[nodes])
        along, radius = np.minimum(np.abs(along), 1.0), self.radius[nodes]
        end = np.clip(end, -radius, radius)
        rim = end * along + np.sqrt(np.maximum(radius**2 - end**2, 0.0) * (1.0 - along**2))
        return _dot(away, points - self.centre[nodes]) - np.where(radius * along <= end, radius, rim)


class BoxTree:
    """Boxes around runs of triangles in Morton order, each level halving the one below.

    From far off the boxes of a curved surface reach through the plane that touches it, slanted ones by as
    much as they are long: of a ball, boxes over a cap whose area shrinks with the size of a triangle, not
    with its square. Planes along the triangles of a node reach through by its bend alone, so far points are
    held against these, too.

    Attributes:
        size: the diagonal of all.
    """

    _SLABS = 12  # levels that have planes; above them a node bends too much

    def __init__(self, triangles: np.ndarray) -> None:
        self._order = np.argsort(_morton(triangles.mean(axis=1)), kind="stable")
        self._triangles = triangles
        low, high = triangles.min(axis=1)[self._order], triangles.max(axis=1)[self._order]
        self._levels = [(low, high)]
        while len(low) > 1:
            starts = np.arange(0, len(low), 2)
            low, high = np.minimum.reduceat(low, starts), np.maximum.reduceat(high, starts)
            self._levels.append((low, high))
        self.size = float(np.linalg.norm(high[0] - low[0]))

    @cached_property
    def _slabs(self) -> list[_Slabs]:
        """Of the lowest levels, from the triangles up."""
        triangles = self._triangles[self._order]
        areas = np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])
        slabs = []
        for depth, (low, high) in enumerate(self._levels[: self._SLABS]):
            if depth:
                areas = np.add.reduceat(areas, np.arange(0, len(areas), 2))
            length = np.linalg.norm(areas, axis=1)[:, None]
            normal = np.divide(areas, length, out=np.zeros_like(areas), where=length > 0.0)
            node = np.arange(len(triangles)) >> depth
            centre = (low + high) / 2
            along = np.einsum("fvc,fc->fv", triangles - centre[node][:, None], normal[node])
            starts = np.arange(0, len(triangles), 1 << depth)
            least = np.minimum.reduceat(along.min(axis=1), starts)
            most = np.maximum.reduceat(along.max(axis=1), starts)
            slabs.append(_Slabs(centre, np.linalg.norm(high - low, axis=1) / 2, normal, least, most))
        return slabs

    def within(
        self, points: np.ndarray, radius: np.ndarray, away: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Pairs (row, triangle) of points and triangles that may be within a radius, row by row.

        Args:
            points: [k,3].
            radius: [k].
            away: [k,3] unit, or zero, about from what is nearest towards the point; any direction loses
                nothing, a good one leaves few pairs. None: boxes alone.
        """
        rows, nodes = np.arange(len(points)), np.zeros(len(points), dtype=np.int64)
        squared = radius**2
        for depth, (low, high) in enumerate(reversed(self._levels)):
            if depth:
                rows, nodes = _children(rows, nodes, len(low))
            near = _gap(points[rows], low, high, nodes) <= squared[rows]
            rows, nodes = rows[near], nodes[near]
            level = len(self._levels) - 1 - depth
            if away is not None and level < self._SLABS:
                near = self._slabs[level].gap(points[rows], away[rows], nodes) <= radius[rows]
                rows, nodes = rows[near], nodes[near]
        return rows, self._order[nodes]


def closest_on_triangles(points: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """The point of each triangle [k,3,3] nearest to each point [k,3].

    Ericson, Real-Time Collision Detection (2005), section 5.1.5, with all its cases worked out for all
    triangles at once.
    """
    a, b, c = triangles[:, 0], triangles[:, 1], triangles[:, 2]
    ab, ac = b - a, c - a
    d1, d2 = _dot(ab, points - a), _dot(ac, points - a)
    d3, d4 = _dot(ab, points - b), _dot(ac, points - b)
    d5, d6 = _dot(ab, points - c), _dot(ac, points - c)
    va, vb, vc = d3 * d6 - d5 * d4, d5 * d2 - d1 * d6, d1 * d4 - d3 * d2
    # v and w are the weights of ab and ac: those of the face, unless the point lies beyond a corner or an
    # edge.
    total = va + vb + vc
    v, w = _ratio(vb, total), _ratio(vc, total)
    along_bc = _ratio(d4 - d3, (d4 - d3) + (d5 - d6))
    beyond_b = (d3 >= 0) & (d4 <= d3)
    beyond_c = (d6 >= 0) & (d5 <= d6)
    beyond_ab = (vc <= 0) & (d1 >= 0) & (d3 <= 0)
    beyond_ac = (vb <= 0) & (d2 >= 0) & (d6 <= 0)
    beyond_bc = (va <= 0) & (d4 - d3 >= 0) & (d5 - d6 >= 0)
    where = [(d1 <= 0) & (d2 <= 0), beyond_b, beyond_c, beyond_ab, beyond_ac, beyond_bc]
    zero, one = np.zeros_like(v), np.ones_like(v)
    v = np.select(where, [zero, one, zero, _ratio(d1, d1 - d3), zero, 1.0 - along_bc], v)
    w = np.select(where, [zero, zero, one, zero, _ratio(d2, d2 - d6), along_bc], w)
    return a + v[:, None] * ab + w[:, None] * ac


def _children(rows: np.ndarray, nodes: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Each pair's node replaced by its children, of which there are `count` in all on the level below."""
    children = (nodes[:, None] * 2 + np.arange(2)).ravel()
    kept = children < count
    return np.repeat(rows, 2)[kept], children[kept]


def _gap(points: np.ndarray, low: np.ndarray, high: np.ndarray, nodes: np.ndarray) -> np.ndarray:
    """Squared distances [k] of points [k,3] to the boxes of these nodes [k], 0 within."""
    gap = np.maximum(np.maximum(low[nodes] - points, points - high[nodes]), 0.0)
    return np.einsum("ki,ki->k", gap, gap)


def _morton(points: np.ndarray) -> np.ndarray:
    """Codes [k] that order points [k,3] along a Z curve: neighbours in it are neighbours in space."""
    low, extent = points.min(axis=0), np.ptp(points, axis=0)
    cells = ((points - low) / np.where(extent > 0, extent, 1.0) * (2**_MORTON_BITS - 1)).astype(np.int64)
    code = np.zeros(len(points), dtype=np.int64)
    for bit in range(_MORTON_BITS):
        for axis in range(3):
            code |= ((cells[:, axis] >> bit) & 1) << (3 * bit + axis)
    return code


def _dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.einsum("ki,ki->k", a, b)


def _ratio(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """a / b, and 0 where a triangle has no extent to divide by."""
    return np.divide(a, b, out=np.zeros_like(a), where=b != 0)
