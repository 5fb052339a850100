"""Every way through every cube: bounded by the segments of its faces, and of the right topology."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import product

import pytest

from neurfield.ops.cube_topology import ambiguous_cases, ambiguous_faces, regions, tiling
from neurfield.ops.marching_cubes_table import loops_of, share_a_face, triangle_table


def ways() -> Iterator[tuple[int, int, int]]:
    """(case, joined, tube) of all that there can be."""
    for case in range(256):
        faces = ambiguous_faces(case)
        for chosen in product((0, 1), repeat=len(faces)):
            joined = sum(bit << face for bit, face in zip(chosen, faces))
            found = regions(case, joined)
            tubes = [1] * (found.positive == 2) + [2] * (found.negative == 2)
            for tube in [0, *(tubes if len(found.loops) > 1 else [])]:
                yield case, joined, tube


def test_every_way_is_a_surface_bounded_by_the_segments_of_the_faces() -> None:
    seen = 0
    for case, joined, tube in ways():
        seen += 1
        triangles, inner = tiling(case, joined, tube)
        assert all(len(set(t)) == 3 for t in triangles)
        sides = Counter((t[i], t[(i + 1) % 3]) for t in triangles for i in range(3))
        assert set(sides.values()) <= {1}, (case, joined, tube)
        border = {side for side in sides if side[::-1] not in sides}
        loops = loops_of(case, joined)
        assert border == {pair for loop in loops for pair in zip(loop, loop[1:] + loop[:1])}
        for a, b in sides:
            if (a, b) not in border and max(a, b) < 12:
                assert not share_a_face(a, b), (case, joined, tube)
        used = {code for t in triangles for code in t}
        assert {code for code in used if code >= 12} == set(range(12, 12 + len(inner)))
        edges = {frozenset(side) for side in sides}
        assert len(used) - len(edges) + len(triangles) == len(loops) - 2 * (tube > 0)
    assert seen > 500


def test_without_a_decision_it_is_the_table() -> None:
    for case in range(256):
        row = triangle_table()[case]
        assert [code for t in tiling(case).triangles for code in t] == row[row != 255].tolist()


def test_faces_that_are_shared_agree_whatever_the_cubes_on_both_sides() -> None:
    """Segments of a face follow from its own signs and whether it is joined."""
    for axis in range(3):
        found: dict[tuple[int, ...], set[tuple[tuple[int, ...], ...]]] = {}
        for case, joined, tube in ways():
            if tube:
                continue
            for side in (0, 1):
                face = 2 * axis + side
                corners = [c for c in range(8) if (c >> (2 - axis) & 1) == side]
                key = (*(case >> c & 1 for c in corners), joined >> face & 1)
                there = set()
                for loop in loops_of(case, joined):
                    for a, b in zip(loop, loop[1:] + loop[:1]):
                        if {_within(a, axis), _within(b, axis)} == {side}:
                            there.add(tuple(sorted((_flat(a, axis), _flat(b, axis)))))
                segments = tuple(sorted(there))
                found.setdefault(key, set()).add(segments)
        assert all(len(segments) == 1 for segments in found.values())


def _within(edge: int, axis: int) -> int:
    """The side of an axis on which an edge lies; -1: it runs along it."""
    return -1 if edge >> 2 == axis else _place(edge)[axis]


def _place(edge: int) -> list[int]:
    along, u, v = edge >> 2, edge >> 1 & 1, edge & 1
    return {0: [0, u, v], 1: [u, 0, v], 2: [u, v, 0]}[along]


def _flat(edge: int, axis: int) -> tuple[int, ...]:
    """Where an edge lies in a face across an axis."""
    place = _place(edge)
    return (edge >> 2, *(place[a] for a in range(3) if a != axis))


def test_complements_are_open_in_the_same_cases() -> None:
    cases = ambiguous_cases()
    assert (cases == cases[::-1]).all() and not cases[0] and cases[0b10000001]
    assert 60 < cases.sum() < 200


def test_a_tube_needs_two_parts() -> None:
    with pytest.raises(ValueError, match="two parts"):
        tiling(1, 0, 1)
