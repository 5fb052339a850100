"""The triangles of marching cubes, worked out from one rule instead of copied from a list.

Legend:

- corner c = 4x + 2y + z of the unit cube, x, y, z in {0, 1};
- a cube's case has bit c set where the field at corner c is positive (not below the level);
- edge e = 4a + 2u + v runs along axis a, u and v being its coordinates on the other two axes in order; it is
  crossed where the signs of its ends differ.

The rule: on each face of the cube, a run of positive corners is cut off from the rest of the face by one
segment. Where positive corners face each other across a diagonal this keeps them apart. It looks at the
face's own signs only, so the two cubes that share a face agree on its segments, and the surface has no
cracks. The segments of the six faces close to loops; each loop is filled with triangles such that no inner
edge lies in a face of the cube, where the neighbour could have the same one: every edge of the surface
belongs to exactly two triangles (Lorensen and Cline 1987 has the method, Nielson and Hamann 1991 the trouble
with its faces).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import combinations

import numpy as np

Loop = tuple[int, ...]
Triangles = list[tuple[int, int, int]]


def corner_position(corner: int) -> tuple[int, int, int]:
    """Coordinates 0 or 1 of a corner."""
    return corner >> 2, corner >> 1 & 1, corner & 1


def edge_corners(edge: int) -> tuple[int, int]:
    """The corners at the low and the high end of an edge."""
    axis, u, v = edge >> 2, edge >> 1 & 1, edge & 1
    low = [(0, u, v), (u, 0, v), (u, v, 0)][axis]
    start = 4 * low[0] + 2 * low[1] + low[2]
    return start, start + (4, 2, 1)[axis]


@lru_cache(maxsize=1)
def triangle_table() -> np.ndarray:
    """uint8 [256, 3 T]: for each case the edges whose crossings make its triangles, three by three, then 255.

    Seen from the positive side the triangles turn counter-clockwise: their normals point to where the field
    is positive.
    """
    rows = [[edge for triangle in _triangles(case) for edge in triangle] for case in range(256)]
    table = np.full((256, max(map(len, rows))), 255, dtype=np.uint8)
    for case, row in enumerate(rows):
        table[case, : len(row)] = row
    table.setflags(write=False)
    return table


def _triangles(case: int) -> Triangles:
    return [triangle for loop in loops_of(case) for triangle in fill(loop)]


def loops_of(case: int, joined: int = 0) -> list[Loop]:
    """The closed loops of crossed edges that the segments on the six faces make.

    Args:
        case: of the cube.
        joined: bits of the faces on which positive corners across a diagonal hang together; bit f is of the
            f-th of `cube_faces`.
    """
    following: dict[int, int] = {}
    for face, corners in enumerate(cube_faces()):
        edges = [_edge_between(corners[i], corners[(i + 1) % 4]) for i in range(4)]
        positive = [bool(case >> corner & 1) for corner in corners]
        # Where all four edges are crossed and positive corners hang together, negative ones are cut off.
        together = joined >> face & 1 and positive[0] == positive[2] != positive[1] == positive[3]
        for i in range(4):
            if positive[i] or not positive[(i + 1) % 4]:
                continue
            # A run of positive corners starts behind edge i; its segment leads from where the run ends back
            # to there.
            end = next(j % 4 for j in range(i + 1, i + 5) if not positive[(j + 1) % 4])
            following[edges[end]] = edges[(end + 1) % 4 if together else i]
    loops = []
    while following:
        edge, after = following.popitem()
        loop = [edge]
        while after != loop[0]:
            loop.append(after)
            after = following.pop(after)
        start = loop.index(min(loop))
        loops.append(tuple(loop[start:] + loop[:start]))
    return sorted(loops)


@lru_cache(maxsize=1)
def cube_faces() -> tuple[tuple[int, int, int, int], ...]:
    """The corners of each face, counter-clockwise from outside: those of x = 0, x = 1, y = 0 and so on."""
    faces = []
    for axis in range(3):
        u, v = (axis + 1) % 3, (axis + 2) % 3
        for side in (0, 1):
            ring = []
            for a, b in [(0, 0), (1, 0), (1, 1), (0, 1)] if side else [(0, 0), (0, 1), (1, 1), (1, 0)]:
                at = [0, 0, 0]
                at[axis], at[u], at[v] = side, a, b
                ring.append(4 * at[0] + 2 * at[1] + at[2])
            faces.append((ring[0], ring[1], ring[2], ring[3]))
    return tuple(faces)


def _edge_between(a: int, b: int) -> int:
    return next(edge for edge in range(12) if set(edge_corners(edge)) == {a, b})


def fill(loop: Loop) -> Triangles:
    """The first triangulation, fans first, that has the fewest inner edges within a face of the cube."""
    n = len(loop)
    fans = [[(loop[i], loop[(i + k) % n], loop[(i + k + 1) % n]) for k in range(1, n - 1)] for i in range(n)]
    return min([*fans, *_triangulations(loop)], key=lambda triangles: edges_in_faces(loop, triangles))


def _triangulations(polygon: Loop) -> Iterator[Triangles]:
    """All ways to cut a polygon into triangles."""
    if len(polygon) < 3:
        yield []
        return
    first, last = polygon[0], polygon[-1]
    for k in range(1, len(polygon) - 1):
        for left in _triangulations(polygon[: k + 1]):
            for right in _triangulations(polygon[k:]):
                yield [*left, (first, polygon[k], last), *right]


def edges_in_faces(loop: Loop, triangles: Triangles) -> int:
    """How many edges of the triangles of a loop, but its own, lie within a face of the cube."""
    sides = {frozenset((a, b)) for a, b in zip(loop, loop[1:] + loop[:1])}
    inner = {frozenset(pair) for triangle in triangles for pair in combinations(triangle, 2)} - sides
    return sum(share_a_face(*pair) for pair in inner)


def share_a_face(a: int, b: int) -> bool:
    """Whether two edges lie in one face of the cube."""
    corners = [corner_position(corner) for edge in (a, b) for corner in edge_corners(edge)]
    return any(len({corner[axis] for corner in corners}) == 1 for axis in range(3))
