"""The generated table: closed, oriented, consistent across faces, for every one of the 256 cases."""

from __future__ import annotations

from collections import Counter

import numpy as np

from neurfield.ops.marching_cubes_table import corner_position, edge_corners, triangle_table


def triangles_of(case: int) -> list[tuple[int, int, int]]:
    row = triangle_table()[case]
    return [tuple(map(int, t)) for t in row[row != 255].reshape(-1, 3)]  # type: ignore[misc]


def faces_of(edge: int) -> set[tuple[int, int]]:
    """The two faces (axis, side) of the cube in which an edge lies."""
    ends = [corner_position(corner) for corner in edge_corners(edge)]
    return {(a, ends[0][a]) for a in range(3) if ends[0][a] == ends[1][a]}


def test_triangles_use_the_crossed_edges_and_border_on_the_faces_only() -> None:
    for case in range(256):
        crossed = {e for e in range(12) if len({case >> c & 1 for c in edge_corners(e)}) == 2}
        triangles = triangles_of(case)
        assert {e for t in triangles for e in t} == crossed, case
        sides = Counter((t[i], t[(i + 1) % 3]) for t in triangles for i in range(3))
        assert set(sides.values()) <= {1}, case
        for a, b in sides:
            inner = (b, a) in sides
            shared = faces_of(a) & faces_of(b)
            # Border edges are segments in the faces, inner ones lie in none: a neighbour cannot have them.
            assert inner != bool(shared), case


def segments(case: int, face: tuple[int, int]) -> set[tuple[tuple[int, ...], ...]]:
    """The directed border segments of a case in a face, as positions in that face."""
    axis = face[0]

    def place(edge: int) -> tuple[int, ...]:
        ends = [corner_position(corner) for corner in edge_corners(edge)]
        return tuple(sum(end[a] for end in ends) for a in range(3) if a != axis)

    sides = {(t[i], t[(i + 1) % 3]) for t in triangles_of(case) for i in range(3)}
    return {
        (place(a), place(b)) for a, b in sides if (b, a) not in sides and face in faces_of(a) & faces_of(b)
    }


def test_two_cubes_agree_on_the_face_between_them() -> None:
    for axis in range(3):
        pattern_to_segments: dict[tuple[bool, ...], set] = {}
        for side in (1, 0):
            corners = [c for c in range(8) if corner_position(c)[axis] == side]
            for case in range(256):
                signs = tuple(bool(case >> c & 1) for c in corners)
                found = segments(case, (axis, side))
                if side == 0:  # the cube behind sees the same segments the other way round
                    found = {(b, a) for a, b in found}
                assert pattern_to_segments.setdefault(signs, found) == found


def test_normals_point_to_positive_corners() -> None:
    for corner in range(8):
        middle = np.array(
            [
                [np.mean([corner_position(c) for c in edge_corners(e)], axis=0) for e in t]
                for t in triangles_of(1 << corner)
            ]
        )
        normal = np.cross(middle[0, 1] - middle[0, 0], middle[0, 2] - middle[0, 0])
        assert normal @ (np.array(corner_position(corner)) - middle[0].mean(axis=0)) > 0


def test_positive_corners_across_a_diagonal_stay_apart() -> None:
    assert len(triangles_of(1 << 0 | 1 << 3)) == 2  # two separate corners of a face: a triangle each
    assert len(triangles_of(0xFF ^ (1 << 0 | 1 << 3))) == 4  # their complement: one band between
